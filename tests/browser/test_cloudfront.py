"""A page plays a film with CloudFront's cookies: its playlist and three segments, by plain addresses."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext

from tests.support.cloudfront_double import Distribution
from tests.support.delivered import run_delivered
from tests.support.service import RunningService
from tests.support.stores import Store

FILM: Final = "films/la jet\u00e9e (1962)/"
SEGMENTS: Final = {f"part {number}.ts": bytes([number]) * 1000 for number in (1, 2, 3)}
PLAYLIST: Final = "#EXTM3U\n" + "".join(f"#EXTINF:4,\n{name}\n" for name in SEGMENTS)
# What a player does: it reads the playlist, and loads what that names relative to it.
PLAY: Final = """async (film) => {
    const playlist = new URL("index.m3u8", film);
    const answer = await fetch(playlist);
    if (!answer.ok) return answer.status;
    const names = (await answer.text()).split("\\n").filter((line) => line && !line.startsWith("#"));
    const parts = await Promise.all(names.map((name) => fetch(new URL(name, playlist))));
    return Promise.all(parts.map(async (part) => (await part.bytes()).length));
}"""


@pytest.fixture(name="delivered", scope="module")
def _delivered(
    ministack: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningService, Distribution]]:
    ministack.put(f"{FILM}index.m3u8", PLAYLIST.encode())
    ministack.put("films/other/index.m3u8", PLAYLIST.encode())
    for name, body in SEGMENTS.items():
        ministack.put(FILM + name, body)
    with run_delivered(ministack, tmp_path_factory.mktemp("cloudfront")) as running:
        yield running


def cookies_of(signed: dict[str, Any]) -> list[Any]:
    parts = urlsplit(signed["url"])
    common = {"domain": parts.hostname, "path": parts.path, "httpOnly": True}
    return [{"name": name, "value": text, **common} for name, text in signed["cookies"].items()]


def test_a_film_plays_with_its_cookies_and_no_other(
    context: BrowserContext, delivered: tuple[RunningService, Distribution]
) -> None:
    service, edge = delivered
    signed = service.post("cookies", prefix=FILM)
    page = context.new_page()
    page.goto(f"{edge.origin}/")  # refused, and of the same origin
    assert page.evaluate(PLAY, signed["url"]) == 403
    context.add_cookies(cookies_of(signed))
    assert page.evaluate(PLAY, signed["url"]) == [1000, 1000, 1000]
    assert page.evaluate(PLAY, f"{edge.origin}/films/other/") == 403
    assert len(edge.served) == 1 + len(SEGMENTS)
