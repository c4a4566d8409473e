"""Batches: one session for each bucket, an answer for each item, and turns for other requests."""

import asyncio
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import pytest

from service.access.grants import AccessRequest
from service.concurrency.event_loop import ITEMS_PER_SLICE
from service.concurrency.waiting import Waiting
from service.errors import (
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.presigning import presigner
from service.presigning.authorizer import AuthorizedAccess
from service.presigning.presigner import _RUN_WEIGHT
from service.presigning.requests import PresignBatch, PresignRequest, Requester
from service.presigning.results import PresignedRequests
from service.presigning.snapshot import Snapshot
from service.sessions.attempts import ATTEMPT_SECONDS
from service.signing.validation import is_valid_key
from tests.support.authorizer import make_harness, urls_of
from tests.support.factories import (
    NARROW,
    TWO_BUCKETS,
    UPLOAD,
    make_bucket,
    make_grant,
    make_request,
    make_snapshot,
)
from tests.support.signed_urls import validity_of
from tests.support.virtual_time import in_virtual_time, server_time


def both_buckets() -> Snapshot:
    return make_snapshot(make_grant(), make_grant(bucket="photos"), buckets=TWO_BUCKETS)


@in_virtual_time
async def test_a_batch_answers_each_item_in_its_place() -> None:
    harness = make_harness(make_snapshot(NARROW, buckets=TWO_BUCKETS))
    malformed = InvalidRequest("Malformed.", pointer="#/key")
    requests: list[PresignRequest | PresignError] = [
        make_request(key="a/1"),
        make_request(key="x/2"),
        malformed,
        make_request(key="a/3"),
        make_request(key="a/../4"),
        make_request(replace(UPLOAD, content_length=101), key="a/5"),
        make_request(bucket="none"),
        make_request(min_expires_in=3596),
    ]
    answers = await harness.presign_batch(requests)
    assert [(type(each), list(getattr(each, "pointers", []))) for each in answers] == [
        (PresignedRequests, []),
        (Forbidden, []),
        (InvalidRequest, ["#/key"]),
        (PresignedRequests, []),
        (InvalidRequest, ["#/key"]),
        (LimitExceeded, ["#/content_length"]),
        (Forbidden, []),
        (LifetimeUnavailable, ["#/min_expires_in"]),
    ]
    assert answers[2] is malformed
    paths = [urlsplit(url).path for url in urls_of(answers)]
    assert paths == ["/a/1", "/a/3"]
    assert harness.decisions == [
        ("allowed", None, ["a/1", "a/3"]),
        ("denied", "forbidden", ["x/2"]),
        ("denied", "invalid_request", ["a/../4"]),
        ("denied", "limit_exceeded", ["a/5"]),
        ("denied", "forbidden", ["a/b"]),  # in a bucket that does not exist
        ("denied", "lifetime_unavailable", ["a/b"]),
    ]


@pytest.mark.parametrize("times_over", [1, 2])
@in_virtual_time
async def test_a_batch_fetches_one_session_a_bucket(times_over: int) -> None:
    harness = make_harness(both_buckets())
    keys = [(bucket, str(n)) for n in range(500) for bucket in TWO_BUCKETS]
    requests = [make_request(bucket=bucket, key=key) for bucket, key in keys]
    for _ in range(times_over):
        answers = await harness.presign_batch(requests)
    assert [len(source.fetched) for source in harness.sources.values()] == [1, 1]
    assert all(isinstance(answer, PresignedRequests) for answer in answers)


@in_virtual_time
async def test_an_empty_batch_is_answered_with_nothing() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    assert await harness.presign_batch([]) == []
    assert harness.fetches == 0


@in_virtual_time
async def test_a_bucket_without_a_session_fails_only_its_items() -> None:
    harness = make_harness(both_buckets())
    harness.sources["photos"].error = OSError("no route")
    answers = await harness.presign_batch([make_request(), make_request(bucket="photos")])
    assert [type(answer) for answer in answers] == [PresignedRequests, CredentialsUnavailable]


@in_virtual_time
async def test_a_batch_waits_for_all_its_buckets_at_once() -> None:
    buckets = {f"bucket-{n}": make_bucket() for n in range(5)}
    grants = [make_grant(bucket=name) for name in buckets]
    harness = make_harness(make_snapshot(*grants, buckets=buckets))
    for source in harness.sources.values():
        source.hangs = True
    begun = harness.clock.boot()
    answers = await harness.presign_batch([make_request(bucket=name) for name in buckets])
    assert {type(answer) for answer in answers} == {CredentialsUnavailable}
    assert harness.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1


@in_virtual_time
async def test_a_batch_gets_the_session_that_comes_while_another_hangs() -> None:
    harness = make_harness(both_buckets())
    harness.sources["photos"].hangs = True
    harness.sources["reports"].delay = ATTEMPT_SECONDS - 1
    requests = [make_request(bucket=each) for each in ("photos", "reports")]
    begun = harness.clock.boot()
    answers = await harness.presign_batch(requests)
    assert [type(each) for each in answers] == [CredentialsUnavailable, PresignedRequests]
    assert harness.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1


@in_virtual_time
async def test_a_batch_that_waits_takes_the_place_of_one_request() -> None:
    buckets = {name: make_bucket() for name in ("a", "b", "c", "other")}
    grants = [make_grant(bucket=name) for name in buckets]
    # Two may wait for a bucket, and six in all.
    harness = make_harness(make_snapshot(*grants, buckets=buckets), waiting=Waiting(8))
    requests = [make_request(bucket=name) for name in "abc"]
    for name in "abc":
        harness.sources[name].hangs = True
    batches = [asyncio.create_task(harness.presign_batch(requests)) for _ in range(2)]
    await asyncio.sleep(1)
    assert (await harness.presign(make_request(bucket="other"))).url
    assert not any(each.done() for each in batches)
    for answers in await asyncio.gather(*batches):
        assert {type(answer) for answer in answers} == {CredentialsUnavailable}


@in_virtual_time
async def test_a_batch_is_of_one_configuration_and_one_second() -> None:
    harness = make_harness(both_buckets(), delay=0)
    await harness.presign(make_request())
    harness.sources["photos"].delay = 3
    requests = [make_request(), make_request(bucket="photos")]
    asked = asyncio.ensure_future(harness.presign_batch(requests))
    await asyncio.sleep(1)
    harness.authorizer.snapshot = make_snapshot(
        make_grant(max_expires_in=7), buckets=TWO_BUCKETS, default_expires_in=60
    )
    first, second = await asked
    assert isinstance(first, PresignedRequests)
    assert validity_of(*first.urls) == (int(server_time(harness.clock)), 7)
    assert isinstance(second, Forbidden)


@in_virtual_time
async def test_plain_keys_are_checked_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = list[str]()

    def is_valid(key: str) -> bool:
        checked.append(key)
        return is_valid_key(key)

    monkeypatch.setattr(presigner, "is_valid_key", is_valid)
    harness = make_harness(make_snapshot(make_grant()))
    for keys, most in ((["a/b", "a/c", "a/d"], 0), (["a/b", "a/é", "a/d"], 3)):
        urls = urls_of(await harness.presign_batch([PresignBatch(make_request(), keys)]))
        assert [unquote(urlsplit(url).path) for url in urls] == [f"/{key}" for key in keys]
        assert len(checked) == most


@pytest.mark.parametrize("limits", [[60], [60, 600]])
@in_virtual_time
async def test_prefixes_with_the_same_limits_are_decided_once(
    limits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    grants = [
        make_grant(prefix=f"team/{n}/", max_expires_in=limits[n % len(limits)]) for n in range(1000)
    ]
    harness = make_harness(make_snapshot(*grants))
    await harness.presign(make_request(key="team/1/a"))
    authorize, decided = harness.authorizer.authorize, list[AccessRequest]()

    def counted(requester: Requester, request: AccessRequest) -> AuthorizedAccess:
        decided.append(request)
        return authorize(requester, request)

    monkeypatch.setattr(harness.authorizer, "authorize", counted)
    keys = [f"team/{n}/a" for n in range(1000)]
    answers = await harness.presign_batch([PresignBatch(make_request(key=keys[0]), keys)])
    assert len(urls_of(answers)) == 1000
    assert len(decided) <= len(limits)


MANY = 5 * ITEMS_PER_SLICE


@pytest.mark.parametrize("warm", [True, False])
@in_virtual_time
async def test_a_grant_that_is_withdrawn_in_the_middle_signs_nothing(*, warm: bool) -> None:
    harness = make_harness(make_snapshot(make_grant()))
    if warm:
        await harness.presign(make_request())
    lines = len(harness.audit_bytes)
    unlike = [make_request(key=f"a/{n}", expires_in=n + 1) for n in range(MANY)]
    batch = asyncio.create_task(harness.presign_batch(unlike))
    await asyncio.sleep(0)  # after its first turn, and long before its last
    harness.authorizer.snapshot = make_snapshot()
    answers = await batch
    assert len(answers) == MANY
    assert {type(answer) for answer in answers} == {Forbidden}
    assert all(b'"denied"' in line for line in harness.audit_bytes[lines:])


@pytest.mark.parametrize(
    ("requests", "weight"),
    [
        pytest.param(
            [PresignBatch(make_request(), [f"{'ab'[n % 2]}/{n}" for n in range(MANY)])],
            1 + _RUN_WEIGHT,
            id="of alternating limits",
        ),
        pytest.param(
            [PresignBatch(make_request(), [f"a/{'ä' * 200}{n}" for n in range(MANY)])],
            1,
            id="that need encoding",
        ),
        pytest.param(
            [PresignBatch(make_request(expires_in=n + 1), [f"a/{n}"]) for n in range(MANY)],
            1 + _RUN_WEIGHT,
            id="that differ",
        ),
    ],
)
@in_virtual_time
async def test_a_long_batch_lets_other_requests_run(
    requests: list[PresignBatch | PresignError], weight: int
) -> None:
    """The more what is signed differs, the sooner."""
    narrow = make_grant(prefix="b/", max_expires_in=60)
    harness = make_harness(make_snapshot(make_grant(prefix="a/"), narrow))
    await harness.presign(make_request())
    turns = 0
    batch = asyncio.create_task(harness.presign_batch(requests))
    while not batch.done():
        turns += 1
        await asyncio.sleep(0)
    assert not [answer for answer in await batch if isinstance(answer, PresignError)]
    assert turns >= MANY * weight // (ITEMS_PER_SLICE + weight)
