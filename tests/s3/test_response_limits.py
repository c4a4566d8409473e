"""What a store answers is bounded, in bytes and in pieces, and may be nonsense."""

from typing import Any, Final

import httpx
import pytest

from service.errors import StorageRefused, StorageUnavailable
from service.s3.client import (
    ATTEMPTS,
    MAX_ANSWER_BYTES,
    MAX_CHUNKS,
    MAX_LIST_BYTES,
)
from service.signing.actions import ListObjects
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
)
from tests.s3.fake_store import (
    HEAD,
    Body,
    Say,
    Trickle,
    a_house,
    failure,
    says,
    trickles,
)
from tests.support.fakes import in_virtual_time

BOUNDS: Final = [
    pytest.param(action, most, id=type(action).__name__)
    for action, most in (
        (ListParts(upload_id="u"), 1024 * 1024),
        (ListMultipartUploads(), 1024 * 1024),
        (ListObjects(prefix="a"), 1024 * 1024),
        (CreateMultipartUpload(), 64 * 1024),
        (CompleteMultipartUpload(upload_id="u", content_length=5), 64 * 1024),
        (AbortMultipartUpload(upload_id="u"), 64 * 1024),
        (HEAD, 64 * 1024),
    )
]


@pytest.mark.parametrize(("action", "most"), BOUNDS)
@in_virtual_time
async def test_an_answer_may_have_so_many_bytes_and_no_more(action: Any, most: int) -> None:
    async with a_house(says(200, bytes(most)), says(200, bytes(most + 1))) as house:
        assert len((await house.send(action=action)).body) == most
        to_domain_error = await failure(house.send(action=action))
        assert isinstance(to_domain_error, StorageRefused)
        assert to_domain_error.detail == "The store's answer is too long."
        assert len(house.store.asked) == 2
        assert [outcome for *_, outcome in house.observer.calls] == ["ok", "refused"]


@in_virtual_time
async def test_an_answer_that_is_too_long_is_not_read_to_its_end() -> None:
    stream = Trickle(bytes(MAX_LIST_BYTES // 4), apart=0.1)
    async with a_house(trickles(stream)) as house:
        assert isinstance(await failure(house.send(action=ListMultipartUploads())), StorageRefused)
        assert (stream.read, stream.closed) == (5, True)


@in_virtual_time
async def test_an_answer_that_comes_byte_by_byte_is_not_read_for_ever() -> None:
    stream = Trickle(b" ", apart=0.0)
    async with a_house(trickles(stream)) as house:
        assert isinstance(await failure(house.send()), StorageRefused)
        assert (stream.read, stream.closed) == (MAX_CHUNKS + 1, True)
        assert MAX_CHUNKS < MAX_ANSWER_BYTES


@in_virtual_time
async def test_an_answer_may_come_in_as_many_pieces_as_that() -> None:
    stream = Trickle(b" ", apart=0.0)
    stream.most = MAX_CHUNKS
    async with a_house(trickles(stream)) as house:
        assert len((await house.send()).body) == MAX_CHUNKS


def leads(location: bytes) -> Say:
    async def say(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers=[(b"location", location)], stream=Body(b""))

    return say


@pytest.mark.parametrize("location", [b"http:\xff\xfe", b"https://a:b", b"//\x7f", b"http:a"])
@in_virtual_time
async def test_a_redirect_to_what_is_no_address_is_no_answer(location: bytes) -> None:
    async with a_house(leads(location)) as house:
        assert isinstance(await failure(house.send()), StorageUnavailable)
        assert len(house.store.asked) == ATTEMPTS
        assert house.observer.calls == [("reports", "HeadObject", "unavailable")]
        house.store.words = [says(200)]
        await house.send()
