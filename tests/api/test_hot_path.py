"""The hot path: which modules a signing call runs through, and which it never does."""

import gc
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import CodeType, FrameType
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


Called = tuple[str, CodeType]  # the module of a Python function, and its code


@contextmanager
def profiled(calls: list[Called]) -> Iterator[None]:
    """Record each Python function that this thread calls."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            calls.append((frame.f_globals.get("__name__", ""), frame.f_code))

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
async def watched(client: httpx.AsyncClient) -> AsyncIterator[list[Called]]:
    """The functions that the app calls."""
    transport: Any = client._transport
    app, calls = transport.app, list[Called]()

    async def only_the_app(scope: Any, receive: Any, send: Any) -> None:
        chunk = await receive()
        while chunk["more_body"]:
            chunk = (more := await receive()) | {"body": chunk["body"] + more["body"]}

        async def whole_body() -> Any:
            """As from our own server, if the body has arrived."""
            return chunk

        with profiled(calls):  # the server calls the gateway
            await app.gateway(scope, whole_body, send)

    transport.app = only_the_app
    try:
        yield calls
    finally:
        transport.app = app


async def called(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> list[Called]:
    async with watched(client) as calls:
        answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json().get("failed", 0) == 0
    return calls


FORM: Final = {"bucket": "demo", "key_prefix": "a/", "max_content_length": 5}  # its key is made
SINGLE: Final = [each for each in CALLS if not each[0].endswith("/batch")]
WARM: Final = [*CALLS, ("upload-forms", FORM)]


@pytest.mark.parametrize(("path", "body"), WARM, ids=[path for path, _ in WARM])
async def test_a_warm_call_uses_no_sdk_router_dependency_or_thread(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    await client.post(f"/v1/{path}", json=body)  # fetches the session
    threads = set(threading.enumerate())
    modules = [module for module, _ in await called(client, path, body)]
    assert set(threading.enumerate()) == threads
    assert "service.presigning.authorizer" in modules
    assert [each for each in modules if each.startswith(NEVER)] == []


@pytest.mark.parametrize(("path", "body"), SINGLE, ids=[path for path, _ in SINGLE])
async def test_a_warm_call_enters_five_coroutine_functions(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    """The gateway's, the route's, that of its body, the handler, and that of the audit line."""
    await client.post(f"/v1/{path}", json=body)
    entered = {
        code.co_qualname
        for module, code in await called(client, path, body)
        if module.startswith("service.") and code.co_flags & inspect.CO_COROUTINE
    }
    assert len(entered) <= 5, entered


async def test_a_batch_does_shared_work_once(client: httpx.AsyncClient) -> None:
    items = [{**GET, "key": f"a/{number}"} for number in range(1000)]
    one = await called(client, "download-urls/batch", {"items": items[:1]})
    all_of_them = await called(client, "download-urls/batch", {"items": items})
    # Its item is compared, its key is checked (3), encoded and signed (4).
    assert (len(all_of_them) - len(one)) / 999 <= 8


async def test_a_call_through_the_router_would_be_seen(client: httpx.AsyncClient) -> None:
    """Otherwise the tests above could not fail."""
    async with watched(client) as calls:
        assert (await client.get("/livez")).status_code == 200
    assert any(module.startswith("fastapi.routing") for module, _ in calls)
