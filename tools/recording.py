"""The recording of the README, ten seconds: drag, progress, link; then one byte more, 403 and its reason.

`make screenshots` takes it again. All that it shows happens: only the pointer is drawn.
"""

import html
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.console.harness import Harness, open_console
from tests.clients.toolchains import tool
from tests.support.processes import run_to_end
from tests.support.service import API_KEY

SIZE: Final[ViewportSize] = {"width": 1280, "height": 800}
SHOWN_WIDTH: Final = 960
MOST_FRAMES: Final = 9  # of the progress
SLOW: Final = 0.02  # seconds for each chunk on its way to the store
LONGEST: Final = 11.0  # seconds
LARGEST: Final = 1_500_000  # bytes
FOLDER: Final = "November"
THERE: Final = "Delivery note 4711.pdf"
POINTER: Final = """([x, y, name]) => {
  const made = document.querySelector("#pointer") ?? document.body.appendChild(document.createElement("div"));
  made.id = "pointer";
  made.textContent = name;
  made.style = `position:fixed; z-index:99; left:${x}px; top:${y}px; padding:10px 14px; border-radius:8px;
    font:600 16px sans-serif; color:#0f172a; background:#fff; box-shadow:0 6px 20px #0005; white-space:nowrap; pointer-events:none`;
}"""
TERMINAL: Final = """<meta charset="utf-8"><style>
  body { margin: 0; padding: 48px 56px; background: #0d1117; color: #e6edf3; font: 21px/1.6 "DejaVu Sans Mono" }
  pre { margin: 0; white-space: pre-wrap; font: inherit } b { color: #2dd4bf; font-weight: 400 }
  i { color: #f0b72f; font-style: normal }
</style><pre>%s</pre>"""
COMMANDS: Final = (
    "presign url acme/invoices/five.pdf --method put --content-length 5 --curl > put.sh",
    "printf 'hello!' > FILE    # one byte more",
    "sh put.sh 2>&1 | grep curl:",
    "presign diagnose --curl --status 403 --service $PRESIGN_URL < put.sh",
)


@dataclass(frozen=True)
class Recording:
    into: Path  # a folder for the frames
    frames: list[tuple[Path, float]] = field(default_factory=list)

    def take(self, page: Page, seconds: float) -> None:
        path = self.into / f"{len(self.frames):03}.png"
        page.screenshot(path=path)
        self.frames.append((path, seconds))

    def write(self, target: Path) -> None:
        """Encode the frames as one animated WebP."""
        assert sum(seconds for _, seconds in self.frames) <= LONGEST
        listed = "".join(f"file '{path}'\nduration {seconds}\n" for path, seconds in self.frames)
        (self.into / "frames.txt").write_text(f"{listed}file '{self.frames[-1][0]}'\n")
        read: list[str | Path] = ["-f", "concat", "-safe", "0", "-i", self.into / "frames.txt"]
        scaled = ["-vf", f"scale={SHOWN_WIDTH}:-1:flags=lanczos", "-fps_mode", "vfr"]
        coded = ["-c:v", "libwebp_anim", "-quality", "75", "-loop", "0"]
        quiet = ["-v", "error", "-y"]
        command = [tool("ffmpeg", "ffmpeg"), *quiet, *read, *scaled, *coded, str(target)]
        done = run_to_end(command, seconds=300)
        assert done.stderr == ""
        assert target.stat().st_size <= LARGEST


def record(browser: Browser, made: Harness, film: Path, target: Path, scratch: Path) -> None:
    """Take the frames in an empty folder of the console and in a shell, and write the file."""
    scratch.mkdir()
    recording = Recording(scratch)
    made.put(f"invoices/{FOLDER}/{THERE}", os.urandom(96_400))
    with browser.new_context(viewport=SIZE, color_scheme="light") as context:
        opened = open_console(context, made)
        opened.sign_in()
        opened.follow("invoices", FOLDER)
        expect(opened.row(THERE)).to_be_visible()
        recording.take(opened.page, 0.7)
        made.way.delay_seconds = SLOW
        drag(opened.page, film, recording)
        progress(opened.page, recording)
        opened.wait_until_sent(film.name)
        made.way.delay_seconds = 0
        recording.take(opened.page, 0.7)
        opened.link(f"invoices/{FOLDER}/{film.name}")
        opened.button("Show QR code").click()
        recording.take(opened.page, 1.3)
    with browser.new_context(viewport=SIZE) as context:
        explain(context.new_page(), made, recording)
    recording.write(target)


def drag(page: Page, film: Path, recording: Recording) -> None:
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(film)], "dragOperationsMask": 1}
    for step in range(6):
        x, y = 1150 - 150 * step, 760 - 60 * step
        at = {"x": x, "y": y, "data": data}
        page.evaluate(POINTER, [x, y, film.name])
        session.send("Input.dispatchDragEvent", {"type": "dragOver" if step else "dragEnter", **at})
        session.send("Input.dispatchDragEvent", {"type": "dragOver", **at})
        page.get_by_text("Drop to upload to").wait_for()
        recording.take(page, 0.6 if step == 5 else 0.12)
    session.send("Input.dispatchDragEvent", {"type": "drop", **at})
    page.evaluate("() => document.querySelector('#pointer').remove()")


def progress(page: Page, recording: Recording) -> None:
    """Take a frame each time that another tenth was sent."""
    for tenth in range(1, MOST_FRAMES + 1):
        page.wait_for_function(
            """(tenth) => [...document.querySelectorAll("progress")].some(
              (bar) => bar.value / bar.max >= tenth / 10)""",
            arg=tenth,
        )
        recording.take(page, 0.22)


def explain(page: Page, made: Harness, recording: Recording) -> None:
    """Run the commands in a shell, and show each with what it printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {"PATH": path, "PRESIGN_URL": made.origin, "PRESIGN_TOKEN": API_KEY}
    shown = ""
    for command in COMMANDS:
        shown += f"<b>$</b> {html.escape(command)}\n"
        page.set_content(TERMINAL % shown)
        recording.take(page, 0.5)
        done = run_to_end(["bash", "-c", command], cwd=recording.into, env=variables)
        assert done.stderr == ""
        assert "X-Amz-" not in done.stdout  # no signed URL is in the picture
        shown += f"<i>{html.escape(done.stdout)}</i>"
    assert "error: 403" in shown
    assert "content_length_changed (certain)" in shown
    page.set_content(TERMINAL % shown)
    recording.take(page, 2.4)
