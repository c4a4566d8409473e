"""A new configuration: what changed takes effect, and nothing else is touched."""

from typing import Any

import pytest

from service.access.grants import Caller
from service.app import builders
from service.errors import ConfigurationError
from tests.app.services.harness import (
    BEFORE,
    BILLING,
    BOTH,
    BUCKET,
    ROLE,
    SALES,
    Harness,
    called_here,
    caller,
    grant,
    settings,
    sign_all,
    tasks,
    until,
    with_billing,
    with_bucket,
)
from tests.support.signed_urls import access_key_id_of

OTHER_ROLE = {**BUCKET, "role_arn": f"{ROLE}-2"}


async def test_the_same_configuration_again_requests_no_session(warm: Harness) -> None:
    fetched, sources = warm.fetched(), list(warm.sources)
    urls = [(await warm.sign()).url for _ in range(2)]
    await warm.reconfigure(settings())
    await sign_all(warm)
    assert access_key_id_of(urls[0]) == access_key_id_of((await warm.sign()).url)
    assert (warm.fetched(), warm.sources) == (fetched, sources)


async def test_grants_are_compiled_in_a_thread(warm: Harness) -> None:
    with called_here(builders.caller_entries, builders.longest_lifetimes) as called:
        await warm.reconfigure(settings())
    assert called == []


async def test_a_new_grant_takes_effect_at_once(warm: Harness) -> None:
    assert await warm.error_code(key="c/d") == "forbidden"
    await warm.reconfigure(with_billing(grant(), grant("photos"), grant(prefix="c/")))
    await warm.sign(key="c/d")


async def test_a_removed_grant_no_longer_applies(warm: Harness) -> None:
    await warm.reconfigure(with_billing(grant()))
    assert await warm.error_code(bucket="photos") == "forbidden"
    await warm.sign()


async def test_only_a_caller_whose_policy_changed_gets_a_new_session(warm: Harness) -> None:
    old = {caller: access_key_id_of((await warm.sign(caller, key)).url) for caller, key in BOTH}
    warm.source().fetched.clear()
    await warm.reconfigure(with_billing(grant(), grant("photos"), grant(prefix="c/")))
    await sign_all(warm)
    new = {caller: access_key_id_of((await warm.sign(caller, key)).url) for caller, key in BOTH}
    assert new[BILLING] != old[BILLING]
    assert new[SALES] == old[SALES]
    assert warm.source().fetched == [(None, "billing")]
    assert (
        warm.source("photos").fetched.count((None, "billing")) == 1
    )  # its grants there are the same


async def test_limits_outside_the_session_policy_keep_the_sessions(warm: Harness) -> None:
    fetched = warm.fetched()
    await warm.reconfigure(
        with_billing(grant(max_expires_in=60, content_types=["image/*"]), grant("photos"))
    )
    await sign_all(warm)
    assert (await warm.sign()).validity.expires_in == 60
    assert warm.fetched() == fetched


async def test_a_longer_lifetime_refreshes_sessions_sooner(warm: Harness) -> None:
    assert await lifetimes(warm, reports=60) == {"reports": 60, "photos": 60}
    assert await lifetimes(warm, reports=1800) == {"reports": 1800, "photos": 60}


async def lifetimes(harness: Harness, *, reports: int) -> dict[str, float]:
    """The longest of each bucket, as the pool knows it."""
    grants = grant(max_expires_in=reports), grant("photos", max_expires_in=60)
    await harness.reconfigure(settings(callers=[caller("billing", *grants)]))
    entries = harness.services._pool._entries
    return {key.bucket: entry.bucket.longest_lifetime for key, entry in entries.items()}


@pytest.mark.parametrize(
    "change",
    [
        {"tag_urls": True},
        {"encryption": {"algorithm": "AES256"}},
        {"conditional_writes": False},
        {"public_endpoint_url": "https://files.example.com"},
    ],
)
async def test_bucket_settings_outside_its_role_keep_its_sessions(
    warm: Harness, change: dict[str, Any]
) -> None:
    fetched = warm.fetched()
    await warm.reconfigure(with_bucket(**change))
    await sign_all(warm)
    assert warm.fetched() == fetched


async def test_urls_use_a_new_public_endpoint(warm: Harness) -> None:
    assert (await warm.sign()).url.startswith("https://acme-reports.s3.eu-west-1")
    await warm.reconfigure(with_bucket(public_endpoint_url="https://files.example.com"))
    assert (await warm.sign()).url.startswith("https://files.example.com/reports/a/b?")


async def test_a_renamed_bucket_has_one_probe_session(warm: Harness) -> None:
    """Session policies name the bucket, so all sessions are new."""
    await warm.reconfigure(with_bucket(bucket="acme-reports-2"))
    assert "acme-reports-2" in (await warm.sign()).url
    await until(lambda: warm.services._pool.is_alive("reports"))
    probes = [key for key in warm.services._pool._entries if key.owner is None]
    assert sorted(key.bucket for key in probes) == ["photos", "reports"]


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
async def test_another_role_replaces_the_buckets_sessions(
    warm: Harness, change: dict[str, Any]
) -> None:
    old = warm.source()
    count = len(old.fetched)
    await warm.reconfigure(with_bucket(**change))
    await sign_all(warm)
    assert warm.source() is not old
    assert len(old.fetched) == count
    assert len([each for each in warm.sources if each.bucket == "photos"]) == 1
    assert warm.source("photos").fetched.count((None, "billing")) == 1


async def test_a_new_bucket_is_served(warm: Harness) -> None:
    buckets = {"reports": BUCKET, "photos": BUCKET, "videos": BUCKET}
    callers = [caller("billing", grant(), grant("photos"), grant("videos"))]
    await warm.reconfigure(settings(buckets=buckets, callers=callers))
    assert "videos.s3.eu-west-1.amazonaws.com" in (await warm.sign(bucket="videos")).url
    await until(lambda: warm.services._pool.is_alive("videos"))
    assert len(warm.sources) == 3


async def test_a_removed_bucket_is_forbidden_and_its_tasks_end(warm: Harness) -> None:
    assert tasks("session").count("session photos") == 2
    await warm.reconfigure(
        settings(buckets={"reports": BUCKET}, callers=[caller("billing", grant())])
    )
    assert await warm.error_code(bucket="photos") == "forbidden"
    await until(lambda: "session photos" not in tasks("session"))
    assert [bucket for bucket, _, _ in warm.services._pool.sessions_left()] == ["reports"]
    assert 'presign_sessions{bucket="photos"}' not in warm.metrics.render().decode()


async def test_callers_are_added_and_removed(warm: Harness) -> None:
    assert warm.identify("audit") is None
    callers = [caller("billing", grant()), caller("audit", grant())]
    await warm.reconfigure(settings(callers=callers))
    found = warm.identify("audit")
    assert found is not None
    assert found.caller == Caller(issuer=None, subject="audit")
    assert warm.identify("sales") is None
    assert await warm.error_code(SALES, "b/c") == "forbidden"


async def test_a_rotated_api_key_keeps_its_callers_session(warm: Harness) -> None:
    fetched = warm.fetched()
    digests = caller("new-key")["sha256"]
    await warm.reconfigure(with_billing(grant(), grant("photos"), sha256=digests))
    assert warm.identify("billing") is None
    found = warm.identify("new-key")
    assert found is not None
    assert found.caller == BILLING
    await sign_all(warm)
    assert warm.fetched() == fetched


async def test_a_new_rate_limit_takes_effect_at_once(warm: Harness) -> None:
    await warm.reconfigure(with_billing(grant(), rate_limit="1/hour"))
    assert [await warm.error_code() for _ in range(2)] == [None, "rate_limited"]
    await warm.reconfigure(with_billing(grant(), rate_limit="100/hour"))
    assert await warm.error_code() is None


async def test_an_invalid_configuration_changes_nothing(warm: Harness) -> None:
    s3_express = {**BUCKET, "bucket": "demo--euw1-az1--x-s3"}
    fetched = warm.fetched()
    with pytest.raises(ConfigurationError):
        await warm.reconfigure(
            settings(buckets={"reports": OTHER_ROLE, "photos": s3_express}, callers=[caller()])
        )
    await sign_all(warm)
    assert warm.fetched() == fetched
    await warm.reconfigure(BEFORE)
    await sign_all(warm)
    assert warm.fetched() == fetched
