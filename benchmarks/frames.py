"""How smoothly the console works in a folder of 10,000 files, in Chromium without a window.

    python -m benchmarks.frames

For each act of a person: the times between frames while it goes on, and how long the page took from
the last input to the next paint (as the browser's Event Timing reports it: in steps of 8 ms, 16 at
least). A frame takes 16.7 ms at 60 Hz. `docs/console.md` has the figures.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.browser.conftest import QUIET
from tests.browser.console.harness import ConsolePage, open_console, run_console
from tests.support import stores

FILES: Final = 10_000
ROUNDS: Final = 5
WHEELS: Final = 60  # turns of 120 px
_WATCH: Final = """() => {
  window.frames10k = [];
  window.inputs10k = [];
  let before = null;
  const tick = (now) => {
    if (before !== null) window.frames10k.push(now - before);
    before = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  const note = (list) => {
    for (const { interactionId, duration } of list.getEntries())
      if (interactionId) window.inputs10k.push(duration);
  };
  new PerformanceObserver(note).observe({ type: "event", durationThreshold: 16 });
}"""
_TAKE: Final = """() => {
  const taken = [window.frames10k, window.inputs10k];
  [window.frames10k, window.inputs10k] = [[], []];
  return taken;
}"""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as of_store,
        tempfile.TemporaryDirectory() as of_service,
        stores.ministack(Path(of_store)) as store,
        run_console(store, Path(of_service)) as harness,
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), args=QUIET
        ) as browser,
        browser.new_context(viewport={"width": 1280, "height": 800}) as context,
    ):
        opened = open_console(context, harness)
        opened.page.route("**/v1/objects?**", _answer)
        opened.sign_in()
        expect(opened.page.get_by_text("of 10,000 items")).to_be_visible()
        opened.page.evaluate(_WATCH)
        print(
            "| | frames: median | 95 % | longest | from input to paint |\n| --- | --- | --- | --- | --- |"
        )
        for words, act in ACTS.items():
            _report(words, opened, act)


def _answer(route: Route) -> None:
    after = int(route.request.url.partition("after=")[2] or 0)
    objects = [
        {"key": f"report {n}.csv", "size": n * 7919 % 100_003, "etag": '"e"',
         "last_modified": f"2026-03-{1 + n % 28:02}T12:00:00Z"}
        for n in range(after, min(after + 1000, FILES))
    ]  # fmt: skip
    more = {"next": str(after + 1000)} if after + 1000 < FILES else {}
    route.fulfill(json={"prefix": "", "prefixes": [], "objects": objects, **more})


def _scroll(opened: ConsolePage) -> None:
    opened.page.mouse.move(500, 400)
    for direction in (120, -120):
        for _ in range(WHEELS // 2):
            opened.page.mouse.wheel(0, direction)
            opened.page.wait_for_timeout(30)


def _page(opened: ConsolePage) -> None:
    opened.button("Next").click()
    opened.page.wait_for_timeout(200)


def _sort(opened: ConsolePage) -> None:
    opened.files.get_by_role("button", name="Size").click()
    opened.page.wait_for_timeout(200)


def _filter(opened: ConsolePage) -> None:
    field = opened.page.get_by_role("searchbox", name="Filter")
    field.press_sequentially("report 99", delay=120)
    field.clear()
    opened.page.wait_for_timeout(200)


def _select(opened: ConsolePage) -> None:
    everything = opened.page.locator("#select-all")  # its name says how many are selected
    for _ in range(2):
        everything.click()
        opened.page.wait_for_timeout(200)


ACTS: Final[dict[str, Callable[[ConsolePage], None]]] = {
    "scrolling through a page of the list": _scroll,
    "the next page": _page,
    "sorting by size": _sort,
    "filtering, letter by letter": _filter,
    "selecting all, and none": _select,
}


def _report(words: str, opened: ConsolePage, act: Callable[[ConsolePage], None]) -> None:
    frames, inputs = _measure(opened.page, lambda: _repeat(opened, act))
    late = quantiles(frames, n=20)[-1]
    paint = f"{median(inputs):.0f} ms, at most {max(inputs):.0f}" if inputs else "below 16 ms"
    print(f"| {words} | {median(frames):.1f} ms | {late:.1f} | {max(frames):.1f} | {paint} |")


def _repeat(opened: ConsolePage, act: Callable[[ConsolePage], None]) -> None:
    for _ in range(ROUNDS):
        act(opened)


def _measure(page: Page, act: Callable[[], object]) -> tuple[list[float], list[float]]:
    page.evaluate(_TAKE)  # what was before
    act()
    page.wait_for_timeout(300)  # until the last input is reported
    frames, inputs = page.evaluate(_TAKE)
    return frames, inputs


if __name__ == "__main__":
    main()
