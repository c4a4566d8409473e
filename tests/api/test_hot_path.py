"""The hot path: which modules a signing call runs through, and which it never does."""

import gc
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any, Final

import httpx
import pytest

from tests.api.signing_calls import CALLS, GET
from tests.support.app import make_app_settings, make_open_grant, run_app

NEVER: Final = (
    "botocore",
    "aiobotocore",
    "aioboto3",
    "fastapi.dependencies",
    "fastapi.routing",
    "starlette.routing",
    "starlette.middleware",
    "anyio",
    "threading",
    "concurrent.futures",
    "limits",
)


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(make_app_settings(make_open_grant(), rate_limit="1000000/minute")) as client:
        yield client


@contextmanager
def profiled(modules: list[str]) -> Iterator[None]:
    """Record the module of each Python function that this thread calls."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            modules.append(frame.f_globals.get("__name__", ""))

    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()  # earlier tests left objects with finalizers, those of `limits`
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()


@asynccontextmanager
async def watched(client: httpx.AsyncClient) -> AsyncIterator[list[str]]:
    """The modules in which the app calls a function."""
    transport: Any = client._transport
    app, modules = transport.app, list[str]()

    async def only_the_app(scope: Any, receive: Any, send: Any) -> None:
        with profiled(modules):
            await app(scope, receive, send)

    transport.app = only_the_app
    try:
        yield modules
    finally:
        transport.app = app


async def called(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> list[str]:
    async with watched(client) as modules:
        answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json().get("failed", 0) == 0
    return modules


FORM: Final = {"bucket": "demo", "key_prefix": "a/", "max_content_length": 5}  # its key is made
WARM: Final = [*CALLS, ("upload-forms", FORM)]


@pytest.mark.parametrize(("path", "body"), WARM, ids=[path for path, _ in WARM])
async def test_a_warm_call_uses_no_sdk_router_dependency_or_thread(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    await client.post(f"/v1/{path}", json=body)  # fetches the session
    threads = set(threading.enumerate())
    modules = await called(client, path, body)
    assert set(threading.enumerate()) == threads
    assert "service.presigning.authorizer" in modules
    assert [each for each in modules if each.startswith(NEVER)] == []


async def test_a_batch_does_shared_work_once(client: httpx.AsyncClient) -> None:
    items = [{**GET, "key": f"a/{number}"} for number in range(1000)]
    one = await called(client, "download-urls/batch", {"items": items[:1]})
    all_of_them = await called(client, "download-urls/batch", {"items": items})
    # Its item is compared, its key is checked (3), encoded and signed (4).
    assert (len(all_of_them) - len(one)) / 999 <= 8


async def test_a_call_through_the_router_would_be_seen(client: httpx.AsyncClient) -> None:
    """Otherwise the tests above could not fail."""
    async with watched(client) as modules:
        assert (await client.get("/livez")).status_code == 200
    assert any(each.startswith("fastapi.routing") for each in modules)
