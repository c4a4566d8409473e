"""A new configuration: what changed takes effect, and nothing else is touched."""

from typing import Any, Final
from weakref import ref

import pytest

from service.app import builders
from service.app.configuration import issuers_of
from service.app.settings import Settings
from service.concurrency.event_loop import without_garbage_collection
from service.errors import ConfigurationError
from service.s3.endpoints import resolve
from tests.app.services.harness import (
    BEFORE,
    BILLING,
    BUCKET,
    ROLE,
    SALES,
    WITHOUT_PHOTOS,
    Harness,
    called_here,
    caller,
    grant,
    key_ids,
    settings,
    sign_all,
    tasks,
    with_billing,
    with_bucket,
)
from tests.support.waiting import until

OTHER_ROLE = {**BUCKET, "role_arn": f"{ROLE}-2"}
NEW_GRANT: Final = with_billing(grant(), grant("photos"), grant(prefix="c/"))
NEW_BUCKET: Final = settings(
    buckets={"reports": BUCKET, "photos": BUCKET, "videos": BUCKET},
    callers=[caller("billing", grant(), grant("photos"), grant("videos"))],
)


KEPT: Final = {
    "the same": BEFORE,
    "limits": with_billing(grant(content_types=["image/*"], max_keys=1), grant("photos")),
    "another API key": with_billing(grant(), grant("photos"), sha256=caller("new-key")["sha256"]),
    "tags": with_bucket(tag_urls=True),
    "encryption": with_bucket(encryption={"algorithm": "AES256"}),
    "no conditional writes": with_bucket(conditional_writes=False),
    "a public endpoint": with_bucket(public_endpoint_url="https://files.example.com"),
}


@pytest.mark.parametrize("after", KEPT.values(), ids=KEPT)
async def test_what_is_in_no_session_keeps_all_sessions(warm: Harness, after: Settings) -> None:
    fetched, sources = warm.fetched(), list(warm.sources)
    await warm.reconfigure(after)
    await sign_all(warm)
    assert (warm.fetched(), warm.sources) == (fetched, sources)


async def test_a_shorter_lifetime_is_in_a_new_session(warm: Harness) -> None:
    """IAM denies older signatures of that session."""
    await warm.reconfigure(with_billing(grant(max_expires_in=60), grant("photos")))
    assert (await warm.sign()).validity.expires_in == 60
    assert '"s3:signatureAge":"120000"' in (warm.source().policies[-1] or "")


async def test_grants_are_compiled_in_a_thread(warm: Harness) -> None:
    with called_here(builders.caller_entries, builders.longest_lifetimes, issuers_of) as called:
        await warm.reconfigure(settings())
    assert called == []


GONE: Final = (None, "forbidden")
OF_SALES: Final = {"caller": SALES, "key": "b/c"}


@pytest.mark.parametrize(
    ("after", "signed", "codes"),
    [
        pytest.param(NEW_GRANT, {"key": "c/d"}, ("forbidden", None), id="a new grant"),
        pytest.param(with_billing(grant()), {"bucket": "photos"}, GONE, id="a removed grant"),
        pytest.param(NEW_BUCKET, {"bucket": "videos"}, ("forbidden", None), id="a new bucket"),
        pytest.param(WITHOUT_PHOTOS, {"bucket": "photos"}, GONE, id="a removed bucket"),
        pytest.param(WITHOUT_PHOTOS, OF_SALES, GONE, id="a removed caller"),
    ],
)
async def test_what_may_be_signed_changes_at_once(
    warm: Harness, after: Settings, signed: dict[str, Any], codes: tuple[str | None, str | None]
) -> None:
    before = await warm.error_code(**signed)
    await warm.reconfigure(after)
    assert (before, await warm.error_code(**signed)) == codes
    await warm.sign()


async def test_only_a_caller_whose_policy_changed_gets_a_new_session(warm: Harness) -> None:
    old = await key_ids(warm)
    warm.source().fetched.clear()
    await warm.reconfigure(NEW_GRANT)
    await sign_all(warm)
    new = await key_ids(warm)
    assert new[BILLING] != old[BILLING]
    assert new[SALES] == old[SALES]
    assert warm.source().fetched == [(None, "billing")]
    # Its grants on `photos` are the same.
    assert warm.source("photos").fetched.count((None, "billing")) == 1


async def test_a_longer_lifetime_refreshes_sessions_sooner(warm: Harness) -> None:
    assert await lifetimes(warm, reports=60) == {"reports": 60, "photos": 60}
    assert await lifetimes(warm, reports=1800) == {"reports": 1800, "photos": 60}


async def lifetimes(harness: Harness, *, reports: int) -> dict[str, float]:
    """The longest of each bucket, as the pool knows it."""
    grants = grant(max_expires_in=reports), grant("photos", max_expires_in=60)
    await harness.reconfigure(settings(callers=[caller("billing", *grants)]))
    entries = harness.services.core.pool._entries
    return {key.bucket: entry.bucket.longest_lifetime for key, entry in entries.items()}


async def test_urls_use_a_new_public_endpoint(warm: Harness) -> None:
    assert (await warm.sign()).url.startswith("https://acme-reports.s3.eu-west-1")
    await warm.reconfigure(with_bucket(public_endpoint_url="https://files.example.com"))
    assert (await warm.sign()).url.startswith("https://files.example.com/reports/a/b?")


async def test_a_renamed_bucket_has_one_probe_session(warm: Harness) -> None:
    """Session policies name the bucket, so all sessions are new."""
    await warm.reconfigure(with_bucket(bucket="acme-reports-2"))
    assert "acme-reports-2" in (await warm.sign()).url
    await until(lambda: warm.services.core.pool.is_alive("reports"))
    probes = [key for key in warm.services.core.pool._entries if key.owner is None]
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


async def test_a_new_bucket_gets_its_own_session(warm: Harness) -> None:
    await warm.reconfigure(NEW_BUCKET)
    assert "videos.s3.eu-west-1.amazonaws.com" in (await warm.sign(bucket="videos")).url
    await until(lambda: warm.services.core.pool.is_alive("videos"))
    assert len(warm.sources) == 3


async def test_a_new_bucket_is_resolved_in_a_thread(warm: Harness) -> None:
    with called_here(resolve) as called:
        await warm.reconfigure(NEW_BUCKET)
    assert called == []
    assert "videos" in warm.services.configuration.buckets


async def test_the_tasks_of_a_removed_bucket_end(warm: Harness) -> None:
    assert tasks("session").count("session photos") == 2
    await warm.reconfigure(WITHOUT_PHOTOS)
    await until(lambda: "session photos" not in tasks("session"))
    assert [bucket for bucket, _, _ in warm.services.core.pool.sessions_left()] == ["reports"]
    assert 'presign_sessions{bucket="photos"}' not in (await warm.metrics.render()).decode()


async def test_api_keys_are_added_rotated_and_removed(warm: Harness) -> None:
    callers = [caller("billing", grant(), sha256=caller("new-key")["sha256"]), caller("audit")]
    await warm.reconfigure(settings(callers=callers))
    found = {key: warm.identify(key) for key in ("audit", "new-key", "billing", "sales")}
    names = {key: each and each.caller.subject for key, each in found.items()}
    assert names == {"audit": "audit", "new-key": "billing", "billing": None, "sales": None}


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


async def test_the_count_of_a_removed_callers_key_is_forgotten(warm: Harness) -> None:
    for name in ("billing", "sales", "sales"):
        assert warm.identify(name) is not None
    counted = {caller: count for (caller, _), count in warm.metrics.api_key_uses.items()}
    assert counted == {"billing": 1, "sales": 2}
    await warm.reconfigure(settings(callers=[caller("billing", grant())]))
    assert [name for name, _ in warm.metrics.api_key_uses] == ["billing"]
    assert warm.identify("sales") is None
    await warm.reconfigure(BEFORE)
    assert [name for name, _ in warm.metrics.api_key_uses] == ["billing"]


async def test_what_a_change_replaces_is_freed_without_a_collection(warm: Harness) -> None:
    await sign_all(warm)
    core = warm.services.core
    replaced: list[ref[Any]] = [ref(core.authorizer.snapshot.api_keys)]
    replaced += map(ref, core.pool.attempts())
    assert len(replaced) == 6
    with without_garbage_collection():  # as a reload, after which nothing collects them
        await warm.reconfigure(settings(buckets={"videos": BUCKET}, callers=[]))
    await until(lambda: not any(each() for each in replaced))
