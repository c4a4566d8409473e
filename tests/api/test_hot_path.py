"""The shape of the hot path: what is called between a signing call and its answer, and what never is."""

import gc
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import httpx
import pytest

from tests.api.conftest import open_grant, running, settings_with

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
CALLS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("download-urls", {"key": "a"}),
    ("upload-urls", {"key": "a", "content_length": 5}),
    ("upload-forms", {"key_prefix": "a/", "max_content_length": 5}),
    ("head-urls", {"key": "a"}),
    ("delete-urls", {"key": "a"}),
    ("list-urls", {"prefix": "a/"}),
    *((f"{name}-urls/batch", {"items": [{"key": "a"}]}) for name in ("download", "head", "delete")),
    ("upload-urls/batch", {"items": [{"key": "a", "content_length": 5}]}),
]


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_with(open_grant())
    caller = settings.callers[0].model_copy(update={"rate_limit": "1000000/minute"})
    async with running(settings.model_copy(update={"callers": [caller]})) as client:
        yield client


def with_bucket(body: dict[str, Any]) -> dict[str, Any]:
    if "items" in body:
        return {"items": [with_bucket(item) for item in body["items"]]}
    return {"bucket": "demo", **body}


@contextmanager
def watched(modules: list[str]) -> Iterator[None]:
    """Notes the module of each Python function that is called in this thread."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            modules.append(frame.f_globals.get("__name__", ""))

    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()  # what earlier tests left is not this call's: `limits` has a finalizer
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()


async def called(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> list[str]:
    """The modules in which something is called between the app's first step and its answer's end."""
    transport: Any = client._transport
    app, modules = transport.app, list[str]()

    async def only_the_app(scope: Any, receive: Any, send: Any) -> None:
        with watched(modules):
            await app(scope, receive, send)

    transport.app = only_the_app
    try:
        answer = await client.post(f"/v1/{path}", json=with_bucket(body))
    finally:
        transport.app = app
    assert answer.status_code == 200, answer.text
    assert answer.json().get("failed", 0) == 0
    return modules


@pytest.mark.parametrize(("path", "body"), CALLS, ids=lambda each: each if each is str else None)
async def test_a_warm_call_asks_no_sdk_no_router_no_dependency_and_no_thread(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    await client.post(f"/v1/{path}", json=with_bucket(body))  # its session has yet to come
    threads = set(threading.enumerate())
    modules = await called(client, path, body)
    assert set(threading.enumerate()) == threads
    assert "service.presigning.authorizer" in modules
    assert [each for each in modules if each.startswith(NEVER)] == []


async def test_of_a_thousand_keys_what_is_shared_is_done_once(client: httpx.AsyncClient) -> None:
    """Each key costs its signature, a look at it, and little else."""
    items = [{"key": f"a/{number}"} for number in range(1000)]
    one = await called(client, "download-urls/batch", {"items": items[:1]})
    all_of_them = await called(client, "download-urls/batch", {"items": items})
    of_each = (len(all_of_them) - len(one)) / 999
    # Its item is compared, its key is looked at (3), encoded and signed (4).
    assert of_each <= 8


async def test_a_call_through_the_router_would_be_seen(client: httpx.AsyncClient) -> None:
    """Else the test above could not fail."""
    transport: Any = client._transport
    app, modules = transport.app, list[str]()

    async def only_the_app(scope: Any, receive: Any, send: Any) -> None:
        with watched(modules):
            await app(scope, receive, send)

    transport.app = only_the_app
    answer = await client.get("/livez")
    transport.app = app
    assert answer.status_code == 200
    assert any(each.startswith("fastapi.routing") for each in modules)
