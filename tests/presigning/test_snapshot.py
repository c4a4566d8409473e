"""What a caller may do is computed once for the same claims."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from service.access.bucket_arns import bucket_arns
from service.access.callers import (
    CallerEntry,
    Identity,
    Rate,
    grants_of,
    rate_of,
    revoked_before,
)
from service.access.claims import fact, named_claims
from service.access.grants import Caller, Grant, Operation
from service.auth.api_keys import ApiKeys
from service.presigning.bucket import Bucket
from service.presigning.snapshot import Snapshot
from service.sessions.pool_entry import SessionKey
from tests.access.policy_evaluator import allows
from tests.app.services.harness import called_here
from tests.support.factories import make_bucket, make_grant

ISSUER = "cluster-a"
BILLING = Caller(issuer=ISSUER, subject="billing")
TEMPLATE = make_grant(prefix="{claim:/team}/", allow=frozenset({Operation.DOWNLOAD}))
KEY = "arn:aws:s3:::acme-reports/{}"
MOST = 4096


def make_snapshot(
    *grants: Grant, buckets: dict[str, Bucket] | None = None, subject: str = "*"
) -> Any:
    return Snapshot(
        buckets=buckets or {"reports": make_bucket(), "photos": photos()},
        callers=(CallerEntry(issuer=ISSUER, subject=subject, grants=grants),),
        api_keys=ApiKeys((), lambda: 0.0),
        default_expires_in=900,
    )


def photos(**changes: Any) -> Bucket:
    arns = bucket_arns("acme-photos", partition="aws")
    return make_bucket(**{"s3_bucket": "acme-photos", "arns": arns, **changes})


def make_identity(caller: Caller = BILLING, **claims: Any) -> Identity:
    """As a token makes it known, where the configuration names these claims."""
    return Identity(caller, named_claims(claims, ["/team", "/x", "/y"]))


def prefixes(snapshot: Snapshot, identity: Identity) -> list[str]:
    return [grant.prefix for grant in snapshot.access(identity).grants]


def session_keys(*grants: Grant, **more: Any) -> Mapping[str, SessionKey]:
    """The caller's session keys by bucket."""
    snapshot: Snapshot = make_snapshot(*grants, **more)
    return snapshot.access(make_identity()).sessions[None].session_keys


def test_claims_that_no_grant_names_change_nothing() -> None:
    """Each token has an id of its own, and a time."""
    snapshot = make_snapshot(TEMPLATE)
    first = snapshot.access(make_identity(team="a", jti="1", iat=1))
    assert snapshot.access(make_identity(team="a", jti="1", iat=1)) is first
    assert snapshot.access(make_identity(team="a", jti="2", iat=2)) is first


def test_other_claims_are_other_grants_and_another_session() -> None:
    snapshot = make_snapshot(TEMPLATE)
    one, other = (snapshot.access(make_identity(team=team)) for team in ("a", "b"))
    assert [grant.prefix for grant in one.grants] == ["a/"]
    assert [grant.prefix for grant in other.grants] == ["b/"]
    assert (
        one.sessions[None].session_keys["reports"] != other.sessions[None].session_keys["reports"]
    )
    policy = other.sessions[None].session_keys["reports"].policy
    assert allows(policy or "", "s3:GetObject", KEY.format("b/x"))
    assert not allows(policy or "", "s3:GetObject", KEY.format("a/x"))


@pytest.mark.parametrize("team", [None, 1, ["a"], "a/b", "..", {"a": "b"}])
def test_callers_without_the_claim_of_a_template_get_no_grant(team: Any) -> None:
    snapshot = make_snapshot(TEMPLATE)
    assert prefixes(snapshot, make_identity(team="a")) == ["a/"]
    assert prefixes(snapshot, make_identity(team=team)) == []
    assert snapshot.access(make_identity(team=team)).sessions[None].session_keys == {}
    assert prefixes(snapshot, make_identity()) == []
    assert prefixes(snapshot, make_identity(team="a")) == ["a/"]


def test_two_claims_are_not_mistaken_for_each_other() -> None:
    snapshot = make_snapshot(make_grant(prefix="{claim:/x}/{claim:/y}/"))
    assert prefixes(snapshot, make_identity(x="a", y="b")) == ["a/b/"]
    assert prefixes(snapshot, make_identity(x="b", y="a")) == ["b/a/"]
    assert prefixes(snapshot, make_identity(y="b")) == []


def test_callers_with_equal_grants_have_different_sessions() -> None:
    snapshot = make_snapshot(make_grant(prefix="a/"))
    callers = [Caller(issuer=ISSUER, subject=subject) for subject in ("billing", "sales")]
    one, other = (
        snapshot.access(make_identity(each)).sessions[None].session_keys["reports"]
        for each in callers
    )
    assert (one.owner, other.owner) == ((ISSUER, "billing"), (ISSUER, "sales"))
    assert one.policy == other.policy


def test_the_number_of_remembered_callers_is_bounded() -> None:
    snapshot = make_snapshot(TEMPLATE)
    first = snapshot.access(make_identity(team="team-0"))
    for number in range(MOST + 10):
        snapshot.access(make_identity(team=f"team-{number}"))
    assert len(snapshot._by_claims) == MOST
    again = snapshot.access(make_identity(team="team-0"))
    assert again is not first
    assert (again.grants, again.sessions[None].session_keys) == (
        first.grants,
        first.sessions[None].session_keys,
    )


def test_a_session_key_has_bucket_caller_and_policy() -> None:
    keys = session_keys(make_grant(prefix="a/"))
    assert set(keys) == {"reports"}
    assert (keys["reports"].bucket, keys["reports"].owner) == ("reports", (ISSUER, "billing"))
    assert allows(keys["reports"].policy or "", "s3:GetObject", KEY.format("a/x"))
    assert not allows(keys["reports"].policy or "", "s3:GetObject", KEY.format("b/x"))


def test_a_policy_is_about_its_own_bucket_alone() -> None:
    here, there = make_grant(prefix="a/"), make_grant(bucket="photos", prefix="b/")
    both = session_keys(here, there)
    assert both["reports"] == session_keys(here)["reports"]
    policy = both["photos"].policy or ""
    assert allows(policy, "s3:GetObject", "arn:aws:s3:::acme-photos/b/x")
    assert not allows(policy, "s3:GetObject", KEY.format("a/x"))
    assert not allows(policy, "s3:GetObject", "arn:aws:s3:::acme-photos/a/x")


def test_only_another_policy_means_another_session() -> None:
    before = session_keys(make_grant(prefix="a/"))
    assert session_keys(make_grant(prefix="b/")) != before
    assert session_keys(make_grant(prefix="a/")) == before
    assert session_keys(make_grant(prefix="a/", max_expires_in=60)) == before


def test_an_unscoped_bucket_has_one_session_for_all_callers() -> None:
    buckets = {"reports": make_bucket(arns=None), "photos": photos()}
    keys = session_keys(make_grant(), make_grant(bucket="photos"), buckets=buckets)
    assert keys["reports"] == SessionKey("reports", None, None)
    assert keys["photos"].policy is not None


def test_a_buckets_own_session_may_do_nothing_unless_it_signs() -> None:
    policy = make_bucket().probe_policy
    assert policy is not None
    assert not allows(policy, "s3:GetObject", KEY.format("a"))
    assert make_bucket(arns=None).probe_policy is None


def make_entry(number: int, subject: str, issuer: str | None = ISSUER) -> CallerEntry:
    return CallerEntry(
        issuer=issuer,
        subject=subject,
        grants=(make_grant(prefix=f"{number}/"),),
        rate=Rate(number, 60),
        revoked_before=float(number),
    )


def test_all_entries_that_match_add_up_in_the_configurations_order() -> None:
    subjects = ["team:*", "team:a", "*", "team:b", "team:a", "team:*", "a*"]
    entries = [make_entry(i, subject) for i, subject in enumerate(subjects, 1)]
    entries += [make_entry(20, "team:a", issuer="cluster-b"), make_entry(30, "team:a", issuer=None)]
    snapshot = replace(make_snapshot(), callers=tuple(entries))
    for subject in ("team:a", "team:b", "team:c", "a", "b"):
        for issuer in (ISSUER, "cluster-b", None, "cluster-c"):
            caller = Caller(issuer=issuer, subject=subject)
            access = snapshot.access(Identity(caller))
            assert access.grants == grants_of(entries, Identity(caller))
            assert access.rate == rate_of(entries, Identity(caller))
            revoked = [key.not_before for key in access.sessions[None].session_keys.values()]
            assert revoked == [revoked_before(entries, Identity(caller))] * len(revoked)
    caller = Caller(issuer=ISSUER, subject="team:a")
    assert prefixes(snapshot, Identity(caller)) == ["1/", "2/", "5/", "6/"]


def test_a_caller_is_found_without_a_search_through_all() -> None:
    entries = [make_entry(i, f"team-{i}") for i in range(1000)]
    snapshot = replace(make_snapshot(), callers=(*entries, make_entry(1001, "team-*")))
    with called_here(CallerEntry.matches) as compared:
        found = prefixes(snapshot, Identity(Caller(issuer=ISSUER, subject="team-7")))
    assert found == ["7/", "1001/"]
    assert len(compared) < 20


def test_a_link_takes_the_claims_that_its_grants_use() -> None:
    for_links = {"allow": frozenset({Operation.LINK, Operation.DOWNLOAD})}
    snapshot = make_snapshot(
        make_grant(prefix="{claim:/team}/", **for_links),
        make_grant(prefix="{claim:/x}/", allow=frozenset({Operation.DOWNLOAD})),
        make_grant(prefix="{claim:/y}/", bucket="photos", **for_links),
    )
    identity = make_identity(team="t", x="1", y="2")
    kept = [snapshot.to_keep(identity, each, Operation.LINK) for each in ("reports", "photos")]
    assert [each.claims for each in kept] == [{"/team": "t"}, {"/y": "2"}]


def claim_entry(number: int, *groups: str, subject: str | None = None) -> CallerEntry:
    any_of = tuple(fact("/groups", each) for each in groups)
    return replace(make_entry(number, subject or ""), subject=subject, claims=(any_of,))


def member(*groups: str, subject: str = "billing") -> Identity:
    caller = Caller(issuer=ISSUER, subject=subject)
    return Identity(caller, facts=frozenset(fact("/groups", each) for each in groups))


def test_entries_by_claim_add_up_with_those_by_subject() -> None:
    entries = (
        claim_entry(1, "finance", "sales"),
        make_entry(2, "bill*"),
        claim_entry(3, "sales", subject="billing"),
        claim_entry(4, "ops"),
        claim_entry(5, "finance", subject="other"),
    )
    snapshot = replace(make_snapshot(), callers=entries)
    found = {groups: prefixes(snapshot, member(*groups)) for groups in ((), ("finance",), ("ops",))}
    assert found == {(): ["2/"], ("finance",): ["1/", "2/"], ("ops",): ["2/", "4/"]}
    both = member("finance", "sales")
    assert prefixes(snapshot, both) == ["1/", "2/", "3/"]
    access = snapshot.access(both)
    assert access.rate == Rate(3, 60)
    assert access.sessions[None].session_keys["reports"].not_before == 3.0
    assert (
        access.sessions[None].session_keys
        != snapshot.access(member("finance")).sessions[None].session_keys
    )
    assert [*snapshot.matched(both)] == [*entries[:3]]


def test_a_group_is_found_without_a_search_through_all() -> None:
    entries = [claim_entry(i, f"group-{i}") for i in range(1000)]
    snapshot = replace(make_snapshot(), callers=tuple(entries))
    with called_here(CallerEntry.matches) as compared:
        assert prefixes(snapshot, member("group-7")) == ["7/"]
    assert len(compared) < 20


def test_a_link_takes_the_facts_that_grant_or_limit_it() -> None:
    link = make_grant(allow=frozenset({Operation.LINK, Operation.DOWNLOAD}))
    plain: dict[str, Any] = {"rate": None, "revoked_before": float("-inf")}
    entries = (
        replace(claim_entry(1, "links"), grants=(link,), **plain),
        replace(claim_entry(2, "others"), grants=(make_grant(bucket="photos"),), **plain),
        replace(claim_entry(3, "slow"), grants=()),  # it has a rate and a time
    )
    snapshot = replace(make_snapshot(), callers=entries)
    identity = member("links", "others", "slow")
    kept = snapshot.to_keep(identity, "reports", Operation.LINK)
    assert kept.facts == member("links", "slow").facts
    assert snapshot.not_before(kept) == 3.0
    assert snapshot.to_keep(identity, "photos").facts == member("others", "slow").facts


def test_sessions_of_each_possible_time_are_kept() -> None:
    entries = (make_entry(2, "bill*"), claim_entry(1, "a"), claim_entry(5, "b"))
    other = claim_entry(9, "a", subject="other")
    snapshot = replace(make_snapshot(), callers=(*entries, other))
    assert snapshot.cutoffs((ISSUER, "billing")) == {2.0, 5.0}
    assert snapshot.cutoffs(("cluster-b", "billing")) == {float("-inf")}
    assert snapshot.cutoffs(None) == {float("-inf")}
