"""`AsyncPresign` has the methods of `Presign`, and answers as it does."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from presign_client import AsyncPresign, Presign, PresignError
from tests.client.fake import TOKEN, Fake
from tests.client.fake_pool import FakePool
from tests.client.socket_store import store_that
from tests.support.late import again_if_late, within

OF_ONE_KIND = {"close", "pages", "ranges"}


def client_of(fake: Fake) -> AsyncPresign:
    http = httpx.Client(transport=httpx.MockTransport(fake.answer))
    return AsyncPresign("https://presign.test", TOKEN, http=http, pool=FakePool(fake.answer))


def methods(kind: type) -> dict[str, inspect.Signature]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: inspect.signature(each) for name, each in found if not name.startswith("_")}


def test_both_clients_have_the_same_methods_and_arguments() -> None:
    one, other = methods(Presign), methods(AsyncPresign)

    assert one.keys() - OF_ONE_KIND == other.keys() - {"aclose"}
    for name in one.keys() - OF_ONE_KIND:
        assert one[name].parameters == other[name].parameters, name


async def test_a_call_is_awaited() -> None:
    fake = Fake()
    fake.put("a.csv", b"12345")

    async with client_of(fake) as client:
        assert (await client.head("reports", "a.csv")).size == 5
        assert (await client.whoami()).subject == "tests"
        assert (await client.call("GET", "/v1/caller"))["subject"] == "tests"
        assert (await client.link("reports", "a.csv")).id == "7"
        assert [each.id async for each in client.links()] == ["9", "8"]
        await client.revoke_link("7")
        await client.delete("reports", "a.csv")
        with pytest.raises(PresignError, match="not_found"):
            await client.head("reports", "a.csv")


async def test_signed_requests_are_those_of_the_service() -> None:
    async with client_of(Fake()) as client:
        signed = [
            await client.download_url("reports", "a"),
            await client.upload_url("reports", "a", 5),
            await client.head_url("reports", "a"),
            await client.delete_url("reports", "a"),
        ]

    assert [each.method for each in signed] == ["GET", "PUT", "HEAD", "DELETE"]


async def test_cookies_are_those_of_the_service() -> None:
    async with client_of(Fake()) as client:
        assert (await client.cookies("media", "film/")).url == "https://d1.test/film/"


async def test_versions_are_those_of_all_pages() -> None:
    fake = Fake()
    fake.put("a.csv", b"12345")

    async with client_of(fake) as client:
        ids = [version.version_id async for version in client.versions("reports", "a.csv")]

    assert ids == ["2", "1"]


async def test_a_listing_has_the_entries_of_all_pages() -> None:
    fake = Fake(page_size=2)
    for number in range(5):
        fake.put(f"a/{number}", b"")

    async with client_of(fake) as client:
        keys = [entry.key async for entry in client.list("reports", "a/")]

    assert keys == [f"a/{number}" for number in range(5)]


async def test_files_go_up_and_come_down(tmp_path: Path) -> None:
    fake, file = Fake(), tmp_path / "a.csv"
    file.write_bytes(bytes(range(23)))

    async with client_of(fake) as client:
        await client.upload(file, "reports", "a.csv", part_size=5)
        await client.download("reports", "a.csv", tmp_path / "b.csv")
        done = await client.upload_folder(tmp_path, "reports", "copies/", part_size=100)

    assert (tmp_path / "b.csv").read_bytes() == bytes(range(23))
    assert {each.key for each in done.uploaded} >= {"copies/a.csv", "copies/b.csv"}


@again_if_late
@pytest.mark.parametrize("begin", [AsyncPresign.whoami, lambda client: anext(client.links())])
async def test_a_call_that_is_cancelled_ends(
    begin: Callable[[AsyncPresign], Coroutine[Any, Any, object]],
) -> None:
    """Else the process would wait for a silent service for up to 400 seconds."""
    asked = Event()
    with store_that(lambda *_: asked.set()) as service, within(30):
        async with AsyncPresign(service.url, TOKEN) as client:
            task = asyncio.ensure_future(begin(client))
            await asyncio.to_thread(asked.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    assert len(service.requests) == 1


async def test_a_transfer_that_is_cancelled_ends(tmp_path: Path) -> None:
    fake, file, begun = Fake(), tmp_path / "a.csv", Event()
    file.write_bytes(bytes(1000))

    def wait_until_cancelled(done: int, _: int | None) -> None:
        if done:
            begun.set()
            assert cancelled.wait(60)

    cancelled = Event()
    async with client_of(fake) as client:
        upload = client.upload(
            file, "reports", "a.csv", part_size=5, parallel=1, on_progress=wait_until_cancelled
        )
        task = asyncio.create_task(upload)
        await asyncio.to_thread(begun.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()

    assert len(fake.sent_to_the_store("PUT")) < 5
    assert fake.objects == {}
