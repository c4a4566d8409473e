"""Many asks at once: one session a bucket, an answer for each item."""

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
from tests.presigning.house import (
    BOTH,
    NARROW,
    UPLOAD,
    a_house,
    an_ask,
    times,
    urls_of,
)
from tests.support.fakes import (
    REQUESTER,
    a_bucket,
    a_grant,
    a_snapshot,
    in_virtual_time,
    server_time,
)


@in_virtual_time
async def test_a_batch_answers_each_item_in_its_place() -> None:
    house = a_house(a_snapshot(NARROW, buckets=BOTH))
    malformed = InvalidRequest("Malformed.", pointer="#/key")
    asks: list[PresignRequest | PresignError] = [
        an_ask(key="a/1"),
        an_ask(key="x/2"),
        malformed,
        an_ask(key="a/3"),
        an_ask(key="a/../4"),
        an_ask(replace(UPLOAD, content_length=101), key="a/5"),
        an_ask(bucket="none"),
        an_ask(min_expires_in=3596),
    ]
    answers = await house.sign_batch(asks)
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
    house = a_house(a_snapshot(a_grant(), a_grant(bucket="photos"), buckets=BOTH))
    asks = [an_ask(bucket=bucket, key=str(n)) for n in range(500) for bucket in BOTH]
    for _ in range(times_over):
        answers = await house.sign_batch(asks)
    assert [len(source.asked) for source in house.sources.values()] == [1, 1]
    assert all(isinstance(answer, PresignedRequests) for answer in answers)


@in_virtual_time
async def test_an_empty_batch_is_answered_with_nothing() -> None:
    house = a_house(a_snapshot(a_grant()))
    assert await house.sign_batch([]) == []
    assert house.fetches == 0


@in_virtual_time
async def test_a_bucket_without_a_session_fails_its_own_items_and_no_others() -> None:
    house = a_house(a_snapshot(a_grant(), a_grant(bucket="photos"), buckets=BOTH))
    house.sources["photos"].fault = OSError("no route")
    asks = [an_ask(), an_ask(bucket="photos"), an_ask(key="x/../y"), an_ask()]
    answers = await house.sign_batch(asks)
    assert [type(answer) for answer in answers] == [
        PresignedRequests,
        CredentialsUnavailable,
        InvalidRequest,
        PresignedRequests,
    ]


@in_virtual_time
async def test_a_batch_waits_for_all_its_buckets_at_once() -> None:
    buckets = {f"bucket-{n}": a_bucket() for n in range(5)}
    house = a_house(a_snapshot(*(a_grant(bucket=name) for name in buckets), buckets=buckets))
    for source in house.sources.values():
        source.hangs = True
    begun = house.clock.boot()
    answers = await house.sign_batch([an_ask(bucket=name) for name in buckets])
    assert {type(answer) for answer in answers} == {CredentialsUnavailable}
    assert house.clock.boot() - begun <= ATTEMPT_SECONDS + 0.1


@in_virtual_time
async def test_a_batch_is_of_one_configuration_and_one_second() -> None:
    house = a_house(a_snapshot(a_grant(), a_grant(bucket="photos"), buckets=BOTH), delay=0)
    await house.presigner.presign(REQUESTER, an_ask())
    house.sources["photos"].delay = 3
    asked = asyncio.ensure_future(house.sign_batch([an_ask(), an_ask(bucket="photos")]))
    await asyncio.sleep(1)
    house.authorizer.snapshot = replace(
        a_snapshot(a_grant(max_expires_in=7), buckets=BOTH), default_expires_in=60
    )
    first, second = await asked
    assert isinstance(first, PresignedRequests)
    assert times(*first.urls) == (int(server_time(house.clock)), 7)
    assert isinstance(second, Forbidden)
