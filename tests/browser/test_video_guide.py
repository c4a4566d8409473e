"""docs/cloudfront.md: its program lets Chromium play a film of three segments, and no other."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page

from tests.docs.documents import blocks
from tests.support.cloudfront_double import Distribution
from tests.support.delivered import run_delivered
from tests.support.demo import ROOT
from tests.support.processes import free_ports, run_process
from tests.support.service import API_KEY
from tests.support.stores import Store

PAGE: Final = "docs/cloudfront.md"
# Three seconds of ffmpeg's test picture: `-f lavfi -i testsrc=size=64x64:rate=5:duration=3 -g 5 -hls_time 1`
FILM: Final = Path(__file__).parent / "film"
NAME: Final = "la jet\u00e9e (1962)"
PLAY: Final = """async (video) => {
    video.muted = true;
    await video.play().catch(() => {});
    while (!video.error && !video.ended) await new Promise((done) => setTimeout(done, 50));
    return video.error ? video.error.message : video.currentTime;
}"""


@pytest.fixture(name="site", scope="module")
def _site(
    ministack: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Distribution]]:
    """The address of the page's server, and the distribution."""
    for name in (NAME, "other"):
        for file in FILM.iterdir():
            ministack.put(f"films/{name}/{file.name}", file.read_bytes())
    run = [each for each in blocks(PAGE) if each.mark.endswith(Path(__file__).name)]
    [program, command] = (each.text for each in run)
    directory = tmp_path_factory.mktemp("player")
    (directory / "player.py").write_text(program.replace('"media"', '"objects"'))
    with run_delivered(ministack, tmp_path_factory.mktemp("cloudfront")) as (service, edge):
        [port] = free_ports(1)
        for shown, ours in {
            "https://presign.example.com": str(service.client.base_url).rstrip("/"),
            '"$KEY"': API_KEY,
            "example.com": "127.0.0.1",
            "8088": str(port),
        }.items():
            command = command.replace(shown, ours)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
        url = f"http://127.0.0.1:{port}"
        shell = ["/bin/bash", "-euc", command]
        own = {"PATH": path, "PYTHONPATH": str(ROOT / "client")}
        with run_process(shell, directory, f"{url}/openapi.json", **own):
            yield url, edge


def test_a_film_plays_to_its_end_and_no_other(page: Page, site: tuple[str, Distribution]) -> None:
    url, edge = site
    page.goto(f"{url}/watch/{NAME}")
    assert page.locator("video").evaluate(PLAY) == pytest.approx(3, abs=0.1)
    segments = {path for _, path in edge.served if path.endswith(".ts")}
    assert len(segments) == 3
    assert page.request.get(f"{edge.origin}/films/other/index.m3u8").status == 403
