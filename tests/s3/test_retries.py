"""One attempt that is stuck leaves time for another; what may have begun an upload has but one."""

from typing import Final

import httpx
import pytest

from service.errors import StorageUnavailable
from service.s3.client import ATTEMPTS, CALL_SECONDS
from service.signing.multipart_actions import CompleteMultipartUpload, CreateMultipartUpload
from tests.presigning.house import epoch
from tests.s3.fake_store import (
    Say,
    Trickle,
    a_house,
    after,
    error,
    fails,
    failure,
    hangs,
    says,
    trickles,
)
from tests.support.fakes import WALL, in_virtual_time

CREATE: Final = CreateMultipartUpload()
COMPLETION: Final = CompleteMultipartUpload(upload_id="u", content_length=5)
LOST: Final = [
    *(
        pytest.param(fails(kind), id=kind.__name__)
        for kind in (
            *(httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.ReadTimeout),
            *(httpx.WriteTimeout, httpx.RemoteProtocolError, httpx.ProxyError),
        )
    ),
    pytest.param(says(301, headers={"location": "http:a"}), id="to no address"),
    pytest.param(hangs, id="hangs"),
    pytest.param(trickles(Trickle(b" ")), id="never ends"),
]


@in_virtual_time
async def test_an_attempt_that_is_stuck_leaves_time_for_the_next() -> None:
    async with a_house(hangs, trickles(Trickle(b" ")), says(200, b"<a/>")) as house:
        assert (await house.send()).body == b"<a/>"
        dates = [epoch(date) - WALL for date in house.store.dates]
        assert dates == [0, CALL_SECONDS / ATTEMPTS, 2 * CALL_SECONDS / ATTEMPTS]
        assert house.observer.calls == [("reports", "HeadObject", "ok")]


@in_virtual_time
async def test_a_store_that_hangs_is_tried_so_often_within_the_deadline() -> None:
    async with a_house(hangs, chance=0.999) as house:
        assert isinstance(await failure(house.send()), StorageUnavailable)
        assert len(house.store.asked) == ATTEMPTS
        assert house.clock.boot() == pytest.approx(CALL_SECONDS, abs=0.01)


@in_virtual_time
async def test_a_completion_is_given_all_the_time_that_there_is() -> None:
    async with a_house(after(299, says(200, b"<a/>"))) as house:
        assert (await house.send(action=COMPLETION, seconds=300.0)).body == b"<a/>"
        assert len(house.store.asked) == 1


@pytest.mark.parametrize("word", LOST)
@in_virtual_time
async def test_what_may_have_begun_an_upload_is_not_sent_again(word: Say) -> None:
    async with a_house(word, says()) as house:
        to_domain_error = await failure(house.send(action=CREATE))
        assert isinstance(to_domain_error, StorageUnavailable)
        assert to_domain_error.detail == "The store did not answer; the upload may have begun."
        assert len(house.store.asked) == 1
        assert house.clock.boot() <= CALL_SECONDS / ATTEMPTS + 0.01
        assert house.observer.calls == [("reports", "CreateMultipartUpload", "unavailable")]


@pytest.mark.parametrize(
    "word",
    [
        *(fails(httpx.ConnectError), fails(httpx.ConnectTimeout), error(200, "InternalError")),
        *(says(status) for status in (429, 500, 502, 503, 504)),
    ],
)
@in_virtual_time
async def test_what_cannot_have_begun_one_is_sent_again(word: Say) -> None:
    async with a_house(word, word, says(200, b"<a/>")) as house:
        assert (await house.send(action=CREATE)).body == b"<a/>"
        assert len(house.store.asked) == 3


@in_virtual_time
async def test_a_completion_whose_answer_is_lost_is_sent_again() -> None:
    async with a_house(fails(httpx.ReadError), says(200, b"<a/>")) as house:
        assert (await house.send(action=COMPLETION)).body == b"<a/>"
