"""What docs/caching.md promises of a browser: what is given twice within a window comes from the store once."""

import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.gate import Gate, gate_to
from tests.support.service import RunningService, run_service
from tests.support.stores import Store

WINDOW: Final = 1800  # seconds
A_TEST: Final = 30
STABLE: Final = {"stable_for": WINDOW, "cache_control": f"private, max-age={WINDOW}"}
SHOWN: Final = """url => new Promise((loaded, failed) => {
    const image = new Image();
    image.onload = () => loaded(image.naturalWidth);
    image.onerror = () => failed(new Error('not shown'));
    image.src = url;
    document.body.append(image);
})"""
FETCHED: Final = (
    "url => fetch(url).then(answer => answer.arrayBuffer()).then(body => body.byteLength)"
)


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


# Three pixels in a row: www.w3.org/TR/png-3
PICTURE: Final = b"".join(
    (
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 1, 8, 0, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(b"\0abc")),
        _chunk(b"IEND", b""),
    )
)
ASKED: Final = {"<img>": (SHOWN, 3), "fetch": (FETCHED, len(PICTURE))}


@dataclass(frozen=True, slots=True)
class House:
    store: Store
    service: RunningService
    gate: Gate

    def put(self, key: str) -> None:
        self.store.admin_client().put_object(
            Bucket=self.store.bucket, Key=key, Body=PICTURE, ContentType="image/png"
        )

    def url(self, key: str, **more: Any) -> str:
        return self.service.sign("download-urls", key=key, **more).url

    def open(self, context: BrowserContext) -> Page:
        """A page of a site, for which a browser keeps what it fetches; here the service's own."""
        page = context.new_page()
        page.goto(f"{self.service.client.base_url}/livez")
        return page


@pytest.fixture(name="house", scope="module")
def _house(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The store is asked by way of a gate, which counts."""
    directory = tmp_path_factory.mktemp("caching")
    with (
        gate_to(ministack.endpoint_url) as gate,
        run_service(ministack, directory, public_endpoint_url=gate.url) as service,
    ):
        yield House(ministack, service, gate)


@pytest.fixture(autouse=True)
def _within_a_window() -> None:
    left = WINDOW - time.time() % WINDOW
    if left < A_TEST:
        time.sleep(left)


@pytest.mark.parametrize("how", ASKED)
def test_repeated_requests_in_a_window_come_from_the_browsers_cache(
    house: House, context: BrowserContext, how: str
) -> None:
    key, (script, told) = f"pictures/{how.strip('<>')}.png", ASKED[how]
    house.put(key)
    assert house.open(context).evaluate(script, house.url(key, **STABLE)) == told
    passed = house.gate.passed
    time.sleep(1.1)
    assert house.open(context).evaluate(script, house.url(key, **STABLE)) == told
    assert house.gate.passed == passed


def test_without_a_window_it_comes_from_the_store_again(
    house: House, context: BrowserContext
) -> None:
    key, cached = "pictures/plain.png", {"cache_control": STABLE["cache_control"]}
    house.put(key)
    assert house.open(context).evaluate(SHOWN, house.url(key, **cached)) == 3
    passed = house.gate.passed
    time.sleep(1.1)
    assert house.open(context).evaluate(SHOWN, house.url(key, **cached)) == 3
    assert house.gate.passed > passed
