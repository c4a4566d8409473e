"""The demo's hook prints what presign signed for it, and nothing else."""

from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI

from service.demo.hook import PATH, hook_of, new_secret
from service.protocols.arrivals.hooks import key_of, signed_headers, webhook_body, webhook_id
from tests.protocols.arrivals.factories import KEY, SECRET, TIME, make_arrival

NOW: Final = 1_790_000_000.0


async def sent(body: bytes, headers: dict[str, str]) -> tuple[int, list[Any]]:
    """Return the status, and what the hook printed."""
    app, shown = FastAPI(), list[Any]()
    app.include_router(hook_of(SECRET, wall=lambda: NOW, show=lambda *words: shown.append(words)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
        answer = await client.post(PATH, content=body, headers=headers)
    return answer.status_code, shown


def signed(secret: bytes = KEY, now: float = NOW, **more: Any) -> tuple[bytes, dict[str, str]]:
    event = make_arrival(**more)
    body = webhook_body(event)
    return body, signed_headers([secret], webhook_id(event), body, now=int(now))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ObjectCreated:Put", 'arrived "demo/in/a\\nb", 5 bytes'),
        ("ObjectRemoved:Delete", 'removed "demo/in/a\\nb"'),
    ],
)
async def test_a_signed_event_is_one_line(name: str, words: str) -> None:
    status, shown = await sent(*signed(eventName=name, key="in/a%0Ab"))
    assert (status, shown) == (204, [(TIME, words)])


@pytest.mark.parametrize("age", [-301, 301])
async def test_an_old_signature_prints_nothing(age: float) -> None:
    assert await sent(*signed(now=NOW - age)) == (401, [])


async def test_another_secret_prints_nothing() -> None:
    assert await sent(*signed(secret=b"o" * 32)) == (401, [])


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", ["", "1", "²", "9" * 5000])
async def test_a_changed_header_prints_nothing(name: str, value: str) -> None:
    body, headers = signed()
    changed: Any = {
        each.encode(): text.encode() for each, text in (headers | {name: value}).items()
    }
    assert await sent(body, changed) == (401, [])


async def test_a_changed_body_prints_nothing() -> None:
    body, headers = signed()
    assert await sent(body + b" ", headers) == (401, [])


async def test_a_long_body_is_refused() -> None:
    assert await sent(b" " * 2**17, {}) == (413, [])


def test_each_run_has_a_secret_of_its_own() -> None:
    assert len({key_of(new_secret()) for _ in range(2)}) == 2
