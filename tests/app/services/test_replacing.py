"""A configuration that replaces another: what changed is served, and nothing else is touched."""

from typing import Any

import pytest

from service.access.grants import Caller
from service.app import builders
from service.config.settings import Settings
from service.errors import ConfigurationError
from tests.app.services.house import (
    BEFORE,
    BILLING,
    BOTH,
    BUCKET,
    ROLE,
    SALES,
    House,
    all_sign,
    called_here,
    caller,
    grant,
    settings,
    tasks,
    until,
    with_billing,
    with_bucket,
)
from tests.support.signed_urls import access_key_id_of

OTHER_ROLE = {**BUCKET, "role_arn": f"{ROLE}-2"}


async def test_the_same_again_asks_nobody_for_anything(warm: House) -> None:
    fetched, made = warm.fetched(), list(warm.sources)
    urls = [(await warm.sign()).url for _ in range(2)]
    await warm.replace(settings())
    await all_sign(warm)
    assert access_key_id_of(urls[0]) == access_key_id_of((await warm.sign()).url)
    assert (warm.fetched(), warm.sources) == (fetched, made)


async def test_what_thousands_of_callers_may_do_is_worked_out_beside_the_loop(warm: House) -> None:
    with called_here(builders.caller_entries, builders.promises) as called:
        await warm.replace(settings())
    assert called == []


async def test_a_grant_that_is_added_holds_at_once(warm: House) -> None:
    assert await warm.refused(key="c/d") == "forbidden"
    await warm.replace(with_billing(grant(), grant("photos"), grant(prefix="c/")))
    await warm.sign(key="c/d")


async def test_a_grant_that_is_removed_holds_no_more(warm: House) -> None:
    await warm.replace(with_billing(grant()))
    assert await warm.refused(bucket="photos") == "forbidden"
    await warm.sign()


async def test_a_caller_whose_policy_changed_has_a_new_session_and_others_keep_theirs(
    warm: House,
) -> None:
    old = {caller: access_key_id_of((await warm.sign(caller, key)).url) for caller, key in BOTH}
    warm.source().fetched.clear()
    await warm.replace(with_billing(grant(), grant("photos"), grant(prefix="c/")))
    await all_sign(warm)
    new = {caller: access_key_id_of((await warm.sign(caller, key)).url) for caller, key in BOTH}
    assert new[BILLING] != old[BILLING]
    assert new[SALES] == old[SALES]
    assert warm.source().fetched == [(None, "billing")]
    assert (
        warm.source("photos").fetched.count((None, "billing")) == 1
    )  # its grants there are the same


async def test_limits_that_no_policy_knows_leave_the_sessions_alone(warm: House) -> None:
    fetched = warm.fetched()
    await warm.replace(
        with_billing(grant(max_expires_in=60, content_types=["image/*"]), grant("photos"))
    )
    await all_sign(warm)
    assert (await warm.sign()).validity.expires_in == 60
    assert warm.fetched() == fetched


async def test_a_longer_promise_has_a_session_renewed_sooner(warm: House) -> None:
    """A session that was to be kept for most of its hour is due before a promise that long."""
    short = with_billing(grant(max_expires_in=60), grant("photos", max_expires_in=60))
    left = dict(await promises(warm, short))
    longer = with_billing(grant(max_expires_in=1800), grant("photos", max_expires_in=60))
    assert dict(await promises(warm, longer)) == {**left, "reports": 1800}


async def promises(made: House, to: Settings) -> list[tuple[str, float]]:
    callers = [each.model_dump(exclude_none=True) for each in to.callers[:1]]
    await made.replace(settings(callers=callers))
    return [
        (key.bucket, entry.bucket.longest_lifetime)
        for key, entry in made.running._pool._entries.items()
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"tag_urls": True},
        {"encryption": {"algorithm": "AES256"}},
        {"conditional_writes": False},
        {"public_endpoint_url": "https://files.example.com"},
    ],
)
async def test_what_does_not_concern_a_buckets_role_leaves_its_sessions_alone(
    warm: House, change: dict[str, Any]
) -> None:
    fetched = warm.fetched()
    await warm.replace(with_bucket(**change))
    await all_sign(warm)
    assert warm.fetched() == fetched


async def test_a_bucket_that_moved_is_signed_for_where_it_is(warm: House) -> None:
    assert (await warm.sign()).url.startswith("https://acme-reports.s3.eu-west-1")
    await warm.replace(with_bucket(public_endpoint_url="https://files.example.com"))
    assert (await warm.sign()).url.startswith("https://files.example.com/reports/a/b?")


async def test_a_bucket_of_another_name_has_one_session_of_its_own_as_before(warm: House) -> None:
    """Its policies name it, so all are new; the old one of its own is idle by no rule."""
    await warm.replace(with_bucket(bucket="acme-reports-2"))
    assert "acme-reports-2" in (await warm.sign()).url
    await until(lambda: warm.running._pool.is_alive("reports"))
    own = [key for key in warm.running._pool._entries if key.owner is None]
    assert sorted(key.bucket for key in own) == ["photos", "reports"]


@pytest.mark.parametrize(
    "change",
    [
        {"role_arn": f"{ROLE}-2"},
        {"session_seconds": 900},
        {"external_id": "id"},
        {"source_identity": True},
        {"session_tags": {"a": "b"}},
        {"credentials": "static", "role_arn": None},
    ],
)
async def test_another_role_has_the_buckets_sessions_fetched_anew(
    warm: House, change: dict[str, Any]
) -> None:
    old = warm.source()
    asked = len(old.fetched)
    await warm.replace(with_bucket(**change))
    await all_sign(warm)
    assert warm.source() is not old
    assert len(old.fetched) == asked
    assert len([each for each in warm.sources if each.bucket == "photos"]) == 1
    assert warm.source("photos").fetched.count((None, "billing")) == 1


async def test_a_bucket_that_is_added_is_served(warm: House) -> None:
    buckets = {"reports": BUCKET, "photos": BUCKET, "videos": BUCKET}
    callers = [caller("billing", grant(), grant("photos"), grant("videos"))]
    await warm.replace(settings(buckets=buckets, callers=callers))
    assert "videos.s3.eu-west-1.amazonaws.com" in (await warm.sign(bucket="videos")).url
    await until(lambda: warm.running._pool.is_alive("videos"))
    assert len(warm.sources) == 3


async def test_a_bucket_that_is_removed_is_refused_and_its_tasks_end(warm: House) -> None:
    assert tasks("session").count("session photos") == 2
    await warm.replace(settings(buckets={"reports": BUCKET}, callers=[caller("billing", grant())]))
    assert await warm.refused(bucket="photos") == "forbidden"
    await until(lambda: "session photos" not in tasks("session"))
    assert [bucket for bucket, _, _ in warm.running._pool.sessions_left()] == ["reports"]
    assert 'presign_sessions{bucket="photos"}' not in warm.metrics.render().decode()


async def test_a_caller_that_is_added_is_known_and_one_that_is_removed_no_more(warm: House) -> None:
    assert warm.who_has("audit") is None
    callers = [caller("billing", grant()), caller("audit", grant())]
    await warm.replace(settings(callers=callers))
    found = warm.who_has("audit")
    assert found is not None
    assert found.caller == Caller(issuer=None, subject="audit")
    assert warm.who_has("sales") is None
    assert await warm.refused(SALES, "b/c") == "forbidden"  # of one that was let in just before


async def test_a_rotated_key_keeps_its_callers_session(warm: House) -> None:
    fetched = warm.fetched()
    digests = caller("new-key")["sha256"]
    await warm.replace(with_billing(grant(), grant("photos"), sha256=digests))
    assert warm.who_has("billing") is None
    found = warm.who_has("new-key")
    assert found is not None
    assert found.caller == BILLING
    await all_sign(warm)
    assert warm.fetched() == fetched


async def test_a_rate_that_changed_holds_at_once(warm: House) -> None:
    await warm.replace(with_billing(grant(), rate_limit="1/hour"))
    assert [await warm.refused() for _ in range(2)] == [None, "rate_limited"]
    await warm.replace(with_billing(grant(), rate_limit="100/hour"))
    assert await warm.refused() is None


async def test_a_configuration_that_cannot_be_served_changes_nothing(warm: House) -> None:
    s3_express = {**BUCKET, "bucket": "demo--euw1-az1--x-s3"}
    fetched = warm.fetched()
    with pytest.raises(ConfigurationError):
        await warm.replace(
            settings(buckets={"reports": OTHER_ROLE, "photos": s3_express}, callers=[caller()])
        )
    await all_sign(warm)
    assert warm.fetched() == fetched
    await warm.replace(BEFORE)
    await all_sign(warm)
    assert warm.fetched() == fetched
