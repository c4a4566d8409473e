"""Conditions on claims: which tokens match an entry, and how little is kept of them."""

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.caller_description import describe, describe_entry
from service.access.caller_entries import Entries
from service.access.callers import ANONYMOUS, CallerEntry, Identity, caller_name, grants_of
from service.access.claims import NO_FACTS, Claims, ClaimValue, NamedClaims, fact
from service.access.grants import Caller, Operation
from tests.support.factories import make_grant

ISSUER = "people"
Conditions = dict[str, tuple[ClaimValue, ...]]


def make_entry(claims: Conditions, number: int = 0, subject: str | None = None) -> CallerEntry:
    return CallerEntry(
        issuer=ISSUER,
        subject=subject,
        claims=tuple(tuple(fact(at, each) for each in any_of) for at, any_of in claims.items()),
        grants=(make_grant(prefix=f"{number}/"),),
    )


def named(*entries: CallerEntry) -> NamedClaims:
    facts = (each for entry in entries for any_of in entry.claims for each in any_of)
    return NamedClaims(facts=frozenset(facts))


def identify(claims: Claims, *entries: CallerEntry, subject: str = "auth0|ann:1") -> Identity:
    """Return what a token with these claims is known by, where only the entries are configured."""
    caller = Caller(issuer=ISSUER, subject=subject)
    return Identity(caller, facts=named(*entries).facts_in(claims))


def holds(value: ClaimValue, claims: Claims, pointer: str = "/c") -> bool:
    entry = make_entry({pointer: (value,)})
    return entry.matches(identify(claims, entry))


@pytest.mark.parametrize(
    ("value", "equal", "others"),
    [
        ("finance", ["finance"], ["Finance", "finance ", "finance2", "", None, {"finance": 1}]),
        (7, [7], ["7", 7.0, 7.5, True, 8, None]),
        (1, [1], [True, "1", 1.0]),
        (True, [True], [1, "true", "True", 1.0, False]),
        ("*", ["*"], ["x"]),
        ("é", ["é"], ["e\u0301"]),
    ],
)
def test_a_value_equals_by_type_or_is_in_the_list(
    value: ClaimValue, equal: list[Any], others: list[Any]
) -> None:
    for each in equal:
        assert holds(value, {"c": each})
        assert holds(value, {"c": ["x", each, None]})
    for each in others:
        assert not holds(value, {"c": each})
        assert not holds(value, {"c": [each]})
    assert not holds(value, {"c": [[value]]})  # no list in a list
    assert not holds(value, {"c": {"c": value}})
    assert not holds(value, {})


def test_pointers_lead_into_objects_only() -> None:
    claims = {"realm_access": {"roles": ["ops"]}, "https://acme.com/roles": "ops", "a~b": "ops"}
    for pointer in ("/realm_access/roles", "/https:~1~1acme.com~1roles", "/a~0b"):
        assert holds("ops", claims, pointer)
    assert not holds("ops", claims, "/realm_access/roles/0")
    assert not holds("ops", {"c": "x"}, "/c/ops")


def test_all_pointers_must_hold_and_of_a_list_any_value() -> None:
    entry = make_entry({"/groups": ("finance", "sales"), "/email_verified": (True,)})
    for claims, expected in (
        ({"groups": ["sales"], "email_verified": True}, True),
        ({"groups": "finance", "email_verified": True}, True),
        ({"groups": ["sales", "finance"]}, False),
        ({"groups": ["ops"], "email_verified": True}, False),
    ):
        assert entry.matches(identify(claims, entry)) is expected


@pytest.mark.parametrize(
    ("subject", "token", "matches"),
    [
        (None, "a:b:c", True),
        ("*", "a:b:c", False),
        ("*", "abc", True),
        ("repo:acme/*", "repo:acme/shop", True),
        ("repo:acme/*", "repo:evil/shop", False),
    ],
)
def test_a_subject_beside_claims_narrows_further(
    subject: str | None, token: str, *, matches: bool
) -> None:
    entry = make_entry({"/ref": ("main",)}, subject=subject)
    assert entry.matches(identify({"ref": "main"}, entry, subject=token)) is matches
    assert not entry.matches(identify({"ref": "dev"}, entry, subject=token))


def test_the_index_finds_entries_with_one_claim_and_more() -> None:
    one, both = make_entry({"/a": (1,)}), make_entry({"/a": (1,), "/b": (2,)})
    index = Entries([one, both])
    assert index.of(identify({"a": 1, "b": 2}, one, both)) == [one, both]
    assert index.of(identify({"a": 1}, one, both)) == [one]


def test_claims_of_another_issuer_never_match() -> None:
    entry = make_entry({"/groups": ("finance",)})
    facts = named(entry).facts_in({"groups": "finance"})
    for issuer in ("cluster", None):
        assert not entry.matches(Identity(Caller(issuer=issuer, subject="ann"), facts=facts))


def test_only_facts_that_the_configuration_names_are_kept() -> None:
    entry = make_entry({"/groups": ("finance", "sales")})
    crowd = [f"group-{n}" for n in range(10_000)]
    identity = identify({"groups": [*crowd, "finance"], "email": "sentinel"}, entry)
    assert identity.facts == {fact("/groups", "finance")}
    assert identity.claims == {}
    assert identify({"groups": crowd}, entry).facts == NO_FACTS


def test_tokens_with_the_same_facts_share_them() -> None:
    entry = make_entry({"/groups": tuple(f"g{n}" for n in range(200))})
    groups = [f"g{n}" for n in range(200)]
    first = identify({"groups": groups}, entry).facts
    tracemalloc.start()
    try:
        kept = [identify({"groups": groups[::-1]}, entry).facts for _ in range(100)]
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert all(each is first for each in kept)
    assert used < 100 * 300  # a set of 200 takes 8 KiB


@pytest.mark.parametrize(
    ("claims", "left_out"),
    [
        ({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}}, True),
        ({"hasgroups": True}, True),
        ({"hasgroups": "true"}, True),
        ({"_claim_names": {"wids": "src1"}}, False),  # no entry asks for it
        ({"groups": ["a"], "hasgroups": True}, False),
        ({"_claim_names": "groups"}, False),
        ({"hasgroups": [True]}, False),
        ({}, False),
    ],
)
def test_a_claim_that_the_issuer_left_out_is_noticed(claims: Claims, *, left_out: bool) -> None:
    entry = make_entry({"/groups": ("finance",)})
    assert named(entry).left_out(claims) is left_out
    assert not NamedClaims().left_out(claims)
    assert not entry.matches(identify(claims, entry))


def test_a_caller_reads_the_conditions_that_held_and_no_other_group() -> None:
    entries = [
        make_entry({"/groups": ("finance", "sales", "ops")}),
        make_entry({"/groups": ("finance",), "/level": (7,)}, subject="auth0|*:*"),
        make_entry({"/groups": ("finance",), "/level": (7,)}, subject="auth0|*:*"),
    ]
    claims = {"groups": ["finance", "ops", "secret"], "level": 7}
    identity = identify(claims, *entries)
    found = describe(identity, [], [each for each in entries if each.matches(identity)])
    assert found["matched"] == [
        {"claims": {"/groups": "finance, ops"}},
        {"subject": "auth0|*:*", "claims": {"/groups": "finance", "/level": "7"}},
    ]
    assert "secret" not in json.dumps(found)
    assert "finance" not in repr(identity)


def test_an_entry_is_named_by_its_claims() -> None:
    name = "everyone who signs in at `people`"
    entry = make_entry({"/groups": ("a", "b", "c", "d"), "/level": (7,)})
    assert caller_name(entry) == f'{name} with /groups "a" or "b" or "c" or 1 more and /level 7'
    entry = make_entry({"/groups": ("a", "b", "c")}, subject="*")
    assert caller_name(entry) == f'{name} with /groups "a" or "b" or "c"'
    assert caller_name(make_entry({"/ok": (True,)}, subject="ann")) == "ann of people with /ok true"
    assert caller_name(make_entry({}, subject="ann")) == "ann of people"
    assert caller_name(Caller(issuer=None, subject="billing")) == "API key billing"
    assert caller_name(ANONYMOUS) == "ANYBODY (unsafe)"


@pytest.mark.parametrize("subject", [None, "*", "team:*", "ann"])
def test_an_example_of_an_entry_matches_it(subject: str | None) -> None:
    entry = make_entry({"/groups": ("a",), "/level": (7, 8)}, subject=subject)
    found = entry.example()
    assert entry.matches(found)
    assert found.caller.subject == {"team:*": "team:x", "ann": "ann"}.get(subject or "", "x")
    assert found.facts == {fact("/groups", "a"), fact("/level", 7)}


def test_a_caller_and_an_entry_are_described_alike() -> None:
    entry = make_entry({"/level": (7,), "/ok": (True,)}, subject="a*")
    identity = identify({"level": 7, "ok": True}, entry, subject="ann")
    grant = {
        "bucket": "reports",
        "prefix": "0/",
        "allow": [*Operation],
        "allow_overwrite": False,
        "max_link_expires_in": 604_800,
    }
    conditions = {"subject": "a*", "claims": {"/level": "7", "/ok": "true"}}
    assert describe(identity, entry.grants, [entry]) == {
        "subject": "ann",
        "issuer": "people",
        "matched": [conditions],
        "grants": [grant],
    }
    assert describe_entry(entry) == {"issuer": "people", **conditions, "grants": [grant]}
    without_links = replace(entry.grants[0], allow=frozenset({Operation.LIST}), max_keys=5)
    assert describe(Identity(Caller(issuer=None, subject="key")), [without_links], []) == {
        "subject": "key",
        "matched": [],
        "grants": [
            {
                "bucket": "reports",
                "prefix": "0/",
                "allow": ["list"],
                "max_keys": 5,
                "allow_overwrite": False,
            }
        ],
    }


scalars = st.sampled_from(["a", "b", "1", "true", 1, 0, True, False])
values = st.recursive(
    scalars | st.none() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner),
    max_leaves=4,
)
conditions = st.dictionaries(
    st.sampled_from(["/x", "/y", "/x/y"]),
    st.lists(scalars, min_size=1, max_size=3).map(tuple),
    min_size=1,
    max_size=2,
)


def holds_by_definition(conditions: Conditions, claims: Claims) -> bool:
    """Compare each value by the text of its type and itself: slow, but certainly right."""
    for pointer, any_of in conditions.items():
        value: Any = claims
        for name in pointer.split("/")[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        found = value if isinstance(value, list) else [value]
        if {f"{type(v)}{v}" for v in found}.isdisjoint(f"{type(v)}{v}" for v in any_of):
            return False
    return True


@given(
    some=st.lists(st.tuples(conditions, st.sampled_from([None, "*", "a", "b*"])), max_size=4),
    claims=st.dictionaries(st.sampled_from("xyz"), values),
    subject=st.sampled_from(["a", "b", "bc", "b:c"]),
)
def test_a_token_gets_the_union_of_what_its_claims_match(
    some: list[tuple[Conditions, str | None]], claims: Claims, subject: str
) -> None:
    entries = [make_entry(each, n, of) for n, (each, of) in enumerate(some)]
    identity = identify(claims, *entries, subject=subject)
    expected = [
        f"{n}/"
        for n, (each, of) in enumerate(some)
        if holds_by_definition(each, claims) and entries[n].may_match(identity.caller)
    ]
    assert [grant.prefix for grant in grants_of(entries, identity)] == expected
