"""The pictures of docs/console.md and the recording of the README: `make screenshots`. Look at each."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Route, ViewportSize, expect, sync_playwright

from service.auth.api_keys import digest_of
from service.config.key_files import new_key
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
from tests.support.valkey import Valkey
from tools import ROOT, recording

INTO: Final = ROOT / "docs" / "console"
DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 860}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
FOLDER: Final = "2026"
REPORT: Final = "Quarterly report.pdf"
FILM: Final = 96 * MIB  # more than the network holds on its way, so that it is seen half sent
# Size in bytes and age in days of what is in the folder.
FILES: Final = {
    "Contract Müller & Sons.pdf": (182_000, 41),
    "Delivery note 4711.pdf": (96_400, 12),
    "Figures.png": (0, 3),
    "Interview.m4a": (7_340_000, 9),
    "Price list.csv": (18_900, 1),
    "Terms.txt": (4_200, 160),
}
BAR_CHART: Final = """<style>
  body { margin: 0; width: 880px; height: 460px; font: 16px "DejaVu Sans", sans-serif; background: white }
  h1 { margin: 28px 40px 0; font-size: 22px }
  div { display: flex; align-items: end; gap: 28px; height: 330px; margin: 24px 40px 0 }
  i { flex: 1; background: #0f766e; border-radius: 6px 6px 0 0 }
</style><h1>Invoices per month, 2026</h1><div>""" + "".join(
    f'<i style="height:{height}%"></i>' for height in (42, 55, 48, 63, 71, 66, 78, 83, 80, 92, 97)
)


def grant(prefix: str, *allow: str, **limits: Any) -> dict[str, Any]:
    return {"bucket": "acme", "prefix": prefix, "allow": list(allow), **limits}


BILLING: Final = {
    "api_key": "billing",
    "sha256": [digest_of(API_KEY)],
    "grants": [
        grant("invoices/", "list", "download", "upload", "multipart", "check", "delete", "link",
              max_content_length=500 * MIB, max_link_expires_in=30 * 86400,
              content_types=["application/pdf", "image/*", "video/*"]),
        grant("archive/", "list", "download"),
    ],
}  # fmt: skip


@contextmanager
def harness(store: Store, of_links: Valkey, directory: Path) -> Iterator[Harness]:
    (directory / "link.key").write_text(new_key(b"k" * 32))
    links = {"keys": [str(directory / "link.key")], "store_url": of_links.url}
    with gate_to(store.endpoint_url) as gate:
        bucket = make_settings(store, public_endpoint_url=gate.url)["buckets"]["objects"]
        server = {"drain_seconds": 0, "public_url": "https://files.acme.example"}
        more = {"callers": [BILLING], "buckets": {"acme": bucket}, "links": links, "server": server}
        with run_console(store, directory, gate, **more) as made:
            yield made


def fill(made: Harness, folder: str, chart: bytes) -> None:
    for name, (size, _) in FILES.items():
        made.put(f"{folder}{name}", os.urandom(size) or chart)
    for name in ("Drafts", "Photos"):
        made.put(f"{folder}{name}/1.txt", b"1")


def answer_with_ages(route: Route) -> None:
    """The store has just got all of it."""
    answer = route.fetch()
    page = answer.json()
    for each in page["objects"]:
        _, days = FILES.get(each["key"].rpartition("/")[2], (0, 0))
        age = datetime.now(UTC) - timedelta(days=days)
        each["last_modified"] = age.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    route.fulfill(response=answer, json=page)


def working(opened: ConsolePage, film: Path) -> None:
    """A report uploaded and shared, a film half sent, and a file of a type that is not allowed."""
    gate = opened.harness.way
    opened.page.route("**/v1/objects?**", answer_with_ages)
    opened.sign_in()
    opened.follow("invoices", FOLDER)
    report = text_file(REPORT, os.urandom(780_000), "application/pdf")
    opened.upload(report, text_file("Program.exe", mime="application/x-msdownload"))
    opened.wait_until_sent(REPORT)
    opened.link(f"invoices/{FOLDER}/{REPORT}")
    opened.close_drawer()
    gate.shut(after=40 * MIB)
    opened.upload(film)
    gate.wait_until_held(3)
    opened.page.wait_for_timeout(500)  # until its bar has moved there
    opened.page.mouse.move(0, 0)


def take(opened: ConsolePage, name: str) -> None:
    opened.page.evaluate("scrollTo(0, 0)")
    opened.page.screenshot(path=INTO / f"{name}.png")


def pictures(browser: Browser, made: Harness, of_links: Valkey, film: Path) -> None:
    with browser.new_context(viewport={"width": 880, "height": 460}) as context:
        page = context.new_page()
        page.set_content(BAR_CHART)
        chart = page.screenshot()
    with browser.new_context(viewport=DESKTOP, color_scheme="light") as context:
        take(open_console(context, made), "sign-in")
    views: list[tuple[str, Any, Any]] = [
        ("light", "light", DESKTOP),
        ("dark", "dark", DESKTOP),
        ("phone", "light", PHONE),
    ]
    fill(made, f"invoices/{FOLDER}/", chart)
    for name, scheme, viewport in views:
        for uploaded in (REPORT, film.name):
            made.remove(f"invoices/{FOLDER}/{uploaded}")
        forget(of_links)
        with browser.new_context(viewport=viewport, color_scheme=scheme) as context:
            opened = open_console(context, made)
            working(opened, film)
            take(opened, name)
            if name == "light":
                preview_and_code(opened)
            made.way.cut()
            made.way.open()


def preview_and_code(opened: ConsolePage) -> None:
    opened.share()
    opened.button("Show QR code").click()
    opened.page.set_viewport_size({"width": 1280, "height": 1000})
    opened.page.wait_for_timeout(500)  # until the page has its new height
    opened.drawer.screenshot(path=INTO / "share.png")
    opened.close_drawer()
    opened.page.set_viewport_size(DESKTOP)
    opened.harness.way.open()
    opened.button("Figures.png").click()
    image = opened.page.get_by_role("img", name="Figures.png")
    expect(image).to_be_visible()
    image.evaluate("(image) => image.decode()")
    take(opened, "preview")


def forget(of_links: Valkey) -> None:
    """Show no links of the picture before."""
    with of_links.client() as client:
        client.flushall()


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
        of_links = Valkey(rooms[1])
        with (
            ExitStack() as running,
            stores.ministack(rooms[0]) as store,
            harness(store, of_links, rooms[1]) as made,
            sync_playwright() as playwright,
            playwright.chromium.launch(
                executable_path=shutil.which("chromium-headless-shell"), args=QUIET
            ) as browser,
        ):
            running.callback(of_links.stop)
            of_links.start()
            pictures(browser, made, of_links, film)
            forget(of_links)
            recording.record(browser, made, film, INTO / "recording.webp", Path(scratch, "frames"))


if __name__ == "__main__":
    main()
