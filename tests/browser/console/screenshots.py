"""The pictures of docs/console.md, made anew: `make screenshots`. Look at each before you commit it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from service.auth.api_keys import digest_of
from tests.browser.conftest import QUIET
from tests.browser.console.harness import (
    MIB,
    ConsolePage,
    Harness,
    open_console,
    run_console,
    text_file,
)
from tests.support import stores
from tests.support.gate import gate_to
from tests.support.service import API_KEY, make_settings
from tests.support.stores import Store

INTO: Final = Path(__file__).parents[3] / "docs" / "console"
DESKTOP: Final[ViewportSize] = {"width": 1120, "height": 760}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
FILM: Final = 96 * MIB  # more than the network holds on its way, so that it is seen half sent
REPORT: Final = "Quarterly report.pdf"


def grant(prefix: str, *allow: str, **limits: Any) -> dict[str, Any]:
    return {"bucket": "reports", "prefix": prefix, "allow": list(allow), **limits}


BILLING: Final = {
    "api_key": "billing",
    "sha256": [digest_of(API_KEY)],
    "grants": [
        grant("invoices/", "download", "upload", "multipart", "check", max_expires_in=3600,
              max_content_length=500 * MIB, content_types=["application/pdf", "video/*"]),
        grant("archive/", "download", "list", max_expires_in=900),
    ],
}  # fmt: skip


@contextmanager
def harness(store: Store, directory: Path) -> Iterator[Harness]:
    with gate_to(store.endpoint_url) as gate:
        bucket = make_settings(store, public_endpoint_url=gate.url)["buckets"]["objects"]
        more = {"callers": [BILLING], "buckets": {"reports": bucket}}
        with run_console(store, directory, gate, **more) as made:
            yield made


def working(opened: ConsolePage, folder: str, film: Path) -> None:
    """A report sent and shared, a film on its way, and a file that may not go."""
    gate = opened.harness.way
    opened.sign_in()
    opened.field("Folder").fill(folder)
    opened.upload(text_file(REPORT, os.urandom(780_000), "application/pdf"))
    opened.wait_until_sent(REPORT)
    opened.link(f"{folder}{REPORT}")
    opened.choose(text_file("notes.txt"))
    gate.shut(after=40 * MIB)
    opened.upload(film)
    gate.wait_until_held(3)
    opened.page.wait_for_timeout(500)  # until its bar has moved there
    opened.page.mouse.move(0, 0)


def take(opened: ConsolePage, name: str, *, whole: bool = False) -> None:
    opened.page.evaluate("scrollTo(0, 0)")
    opened.page.screenshot(path=INTO / f"{name}.png", full_page=whole)


def pictures(browser: Browser, made: Harness, film: Path) -> None:
    with browser.new_context(viewport=DESKTOP, color_scheme="light") as context:
        take(open_console(context, made), "sign-in")
    views: list[tuple[str, Any, Any]] = [
        ("light", "light", DESKTOP),
        ("dark", "dark", DESKTOP),
        ("phone", "light", PHONE),
    ]
    for name, scheme, viewport in views:
        with browser.new_context(viewport=viewport, color_scheme=scheme) as context:
            opened = open_console(context, made)
            working(opened, f"invoices/{name}/", film)
            take(opened, name, whole=True)
            made.way.cut()
            made.way.open()


def main() -> None:
    INTO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            patch.delenv(name)
        film = Path(scratch, "Site visit.mp4")
        film.write_bytes(os.urandom(FILM))
        rooms = [Path(scratch, name) for name in ("store", "service")]
        for room in rooms:
            room.mkdir()
        with (
            stores.ministack(rooms[0]) as store,
            harness(store, rooms[1]) as made,
            sync_playwright() as playwright,
            playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=QUIET
            ) as browser,
        ):
            pictures(browser, made, film)


if __name__ == "__main__":
    main()
