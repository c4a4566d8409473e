"""A request gives its places back on every way out: at each await, and when nothing can be sent."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import pytest

from service.app.environment import Environment
from service.app.factory import PresignApp, create_app
from tests.support.app import (
    ADDRESS,
    API_KEY,
    FixedSource,
    lifespan,
    make_app_settings,
    make_open_grant,
    open_sources_of,
)

GET: Final = {"bucket": "demo", "key": "a"}
PUTS: Final = [{**GET, "content_length": length} for length in range(66)]
CALLS: Final[dict[str, Any]] = {
    "/v1/download-urls": GET,
    "/v1/download-urls/batch": {"items": [GET, {**GET, "key": "b"}]},
    "/v1/upload-urls/batch": {"items": PUTS},
    "/v1/upload-forms": {"bucket": "demo", "key_prefix": "a/", "max_content_length": 5},
    "/v1/unknown": GET,
}


async def pause(_: Iterable[bytes] = ()) -> None:
    for _turn in range(3):
        await asyncio.sleep(0)


class SlowSource(FixedSource):
    async def fetch(self, *args: Any, **more: Any) -> Any:
        await pause()
        return await super().fetch(*args, **more)


def slow_app() -> PresignApp:
    """It waits for the body, a session, the audit trail, and to send."""
    settings = make_app_settings(make_open_grant(), server={"cors_origins": ["https://a.b"]})
    addresses = dict.fromkeys(settings.buckets, ADDRESS)
    environment = Environment(write_audit=pause, open_sources=open_sources_of(SlowSource))
    return create_app(settings, addresses, environment)


def places(app: PresignApp) -> list[Any]:
    limits, metrics = app.parts.limits, app.parts.metrics
    of_limiters = [
        (each._free, dict(each._held))
        for each in (limits.requests, limits.bodies, limits.batches._limiter)
    ]
    in_flight = metrics.registry.get_sample_value("presign_http_requests_in_flight")
    return [*of_limiters, limits.batches._free, dict(limits.batches._waiting), in_flight]


async def ask(app: PresignApp, path: str, *, most_sent: int = 9) -> None:
    body = json.dumps(CALLS[path]).encode()
    pieces = [body[:9], body[9:20], body[20:]]

    async def receive() -> Any:
        await pause()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(_: Any) -> None:
        nonlocal most_sent
        await pause()
        most_sent -= 1
        if most_sent < 0:
            raise OSError

    headers = [(b"authorization", f"Bearer {API_KEY}".encode()), (b"origin", b"https://a.b")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode()}
    more = {"query_string": b"", "headers": headers, "client": ("192.0.2.1", 1), "root_path": ""}
    await app({**scope, **more, "scheme": "http", "server": ("a", 80)}, receive, send)


@pytest.mark.parametrize("path", CALLS)
async def test_a_request_that_ends_at_any_await_gives_its_places_back(path: str) -> None:
    app = slow_app()
    async with lifespan(app):
        free, turns, is_over = places(app), 0, False
        while not is_over:
            asked = asyncio.create_task(ask(app, path))
            for _ in range(turns):
                await asyncio.sleep(0)
            is_over, turns = asked.done(), turns + 1
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            assert places(app) == free, turns
    assert turns > 3


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("sent", [0, 1])
async def test_an_answer_that_cannot_be_sent_gives_its_places_back(path: str, sent: int) -> None:
    app = slow_app()
    async with lifespan(app):
        free = places(app)
        with suppress(OSError):
            await ask(app, path, most_sent=sent)
        assert places(app) == free


async def test_a_refusal_that_cannot_be_made_gives_its_places_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = slow_app()
    async with lifespan(app):
        free = places(app)
        monkeypatch.setattr(app.parts.problems.__class__, "refusal", None)
        monkeypatch.setitem(CALLS, "/v1/download-urls", {})
        await ask(app, "/v1/download-urls")
        assert places(app) == free
