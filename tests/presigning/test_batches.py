"""Many requests at once: one session a bucket, an answer for each item."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from service.errors import (
    CredentialsUnavailable,
    Forbidden,
    InvalidRequest,
    LifetimeUnavailable,
    LimitExceeded,
    PresignError,
)
from service.presigning.requests import PresignRequest
from service.presigning.results import PresignedRequests
from service.sessions.attempts import ATTEMPT_SECONDS
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
    assert [type(answer) for answer in answers] == [
        PresignedRequests,
        Forbidden,
        InvalidRequest,
        PresignedRequests,
        InvalidRequest,
        LimitExceeded,
        Forbidden,
        LifetimeUnavailable,
    ]
    assert answers[2] is malformed
    assert [list(pointers) for pointers in told(answers)] == [
        [],
        ["#/key"],
        ["#/key"],
        ["#/content_length"],
        [],
        ["#/min_expires_in"],
    ]
    paths = [urlsplit(url).path for url in urls_of(answers)]
    assert paths == ["/a/1", "/a/3"]


def told(answers: list[PresignedRequests | PresignError]) -> Iterator[Mapping[str, str]]:
    return (answer.pointers for answer in answers if isinstance(answer, PresignError))


@pytest.mark.parametrize("times_over", [1, 2])
@in_virtual_time
async def test_a_batch_fetches_one_session_a_bucket(times_over: int) -> None:
    harness = make_harness(
        make_snapshot(make_grant(), make_grant(bucket="photos"), buckets=TWO_BUCKETS)
    )
    requests = [
        make_request(bucket=bucket, key=str(n)) for n in range(500) for bucket in TWO_BUCKETS
    ]
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
    harness = make_harness(
        make_snapshot(make_grant(), make_grant(bucket="photos"), buckets=TWO_BUCKETS)
    )
    harness.sources["photos"].error = OSError("no route")
    requests = [
        make_request(),
        make_request(bucket="photos"),
        make_request(key="x/../y"),
        make_request(),
    ]
    answers = await harness.presign_batch(requests)
    assert [type(answer) for answer in answers] == [
        PresignedRequests,
        CredentialsUnavailable,
        InvalidRequest,
        PresignedRequests,
    ]


@in_virtual_time
async def test_a_batch_waits_for_all_its_buckets_at_once() -> None:
    buckets = {f"bucket-{n}": make_bucket() for n in range(5)}
    harness = make_harness(
        make_snapshot(*(make_grant(bucket=name) for name in buckets), buckets=buckets)
    )
    for source in harness.sources.values():
        source.hangs = True
    begun = harness.clock.boot()
    answers = await harness.presign_batch([make_request(bucket=name) for name in buckets])
    assert {type(answer) for answer in answers} == {CredentialsUnavailable}
    assert harness.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1


@in_virtual_time
async def test_a_batch_is_of_one_configuration_and_one_second() -> None:
    harness = make_harness(
        make_snapshot(make_grant(), make_grant(bucket="photos"), buckets=TWO_BUCKETS), delay=0
    )
    await harness.presign(make_request())
    harness.sources["photos"].delay = 3
    asked = asyncio.ensure_future(
        harness.presign_batch([make_request(), make_request(bucket="photos")])
    )
    await asyncio.sleep(1)
    harness.authorizer.snapshot = replace(
        make_snapshot(make_grant(max_expires_in=7), buckets=TWO_BUCKETS), default_expires_in=60
    )
    first, second = await asked
    assert isinstance(first, PresignedRequests)
    assert validity_of(*first.urls) == (int(server_time(harness.clock)), 7)
    assert isinstance(second, Forbidden)
