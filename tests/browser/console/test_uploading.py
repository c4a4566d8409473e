"""Files that are uploaded: as they are, in parallel, with their folders, and over nothing that is there."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.console.harness import (
    LARGE,
    LIMITED_KEY,
    LISTER_KEY,
    PATIENCE,
    ConsolePage,
    first_held,
    hold,
    large_file,
    refuse,
    stop_clock,
    text_file,
)
from tests.support.socket_server import wait_until

ODD: Final = "Ünïcode 😀 +%2F & 'quoted' #1.txt"
REDRAWN_MS: Final = 200  # by then the page has drawn what all files come to
SKIPPED_MS: Final = 5_000


@pytest.mark.parametrize(("folder", "name"), [("letters/2026", "small.txt"), ("Öffentlich", ODD)])
def test_a_file_arrives_as_it_is(console: ConsolePage, folder: str, name: str) -> None:
    key = f"{folder}/{name}"
    console.sign_in()
    console.new_folder(folder)
    console.upload(text_file(name, b"good day"))
    console.wait_until_sent(name)
    assert console.harness.read(key) == b"good day"
    assert console.harness.type_of(key) == "text/plain"
    expect(console.row(name)).to_be_visible()
    expect(console.field("File to share")).to_have_value(key)


def test_several_files_are_uploaded_even_an_empty_one(console: ConsolePage) -> None:
    console.sign_in()
    files = {"one.txt": b"1", "empty.txt": b"", "three.txt": b"333"}
    console.upload(*(text_file(name, body) for name, body in files.items()))
    for name, body in files.items():
        console.wait_until_sent(name)
        assert console.harness.read(name) == body
    expect(console.page.get_by_role("heading", name="3 files uploaded", exact=True)).to_be_visible()


def test_a_chosen_folder_keeps_its_folders(console: ConsolePage, tmp_path: Path) -> None:
    photos = tmp_path / "Photos"
    (photos / "2026").mkdir(parents=True)
    (photos / "one.txt").write_text("1")
    (photos / "2026" / "two.txt").write_text("2")
    console.sign_in()
    console.new_folder("albums")
    console.field("Folder").set_input_files(photos)
    console.wait_until_sent("Photos/2026/two.txt")
    console.wait_until_sent("Photos/one.txt")
    assert console.harness.read("albums/Photos/2026/two.txt") == b"2"
    console.follow("Photos", "2026")
    expect(console.row("two.txt")).to_be_visible()


def drop(page: Page, *paths: Path) -> None:
    """Drag files and folders from the desktop over the page, and drop them."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    at = {"x": 300, "y": 500, "data": data}
    session.send("Input.dispatchDragEvent", {"type": "dragEnter", **at})
    # Chromium drops only what it knows that the page accepts, and learns that from the `dragover` before.
    # The page shows that for 600 ms only, which a busy machine can miss.
    seen = 0
    for _ in range(100):
        session.send("Input.dispatchDragEvent", {"type": "dragOver", **at})
        seen += page.get_by_text("Drop to upload to").is_visible()
        if seen == 5:
            break
        page.wait_for_timeout(100)
    assert seen == 5
    session.send("Input.dispatchDragEvent", {"type": "drop", **at})


def test_files_and_folders_are_dropped_anywhere(console: ConsolePage, tmp_path: Path) -> None:
    nested = tmp_path / "Trip" / "Day 1"
    nested.mkdir(parents=True)
    for number in range(120):  # a browser lists a hundred entries at a time
        (nested / f"{number}.txt").write_text(str(number))
    single = tmp_path / "single.txt"
    single.write_text("single")
    console.sign_in()
    console.new_folder("dragged")
    drop(console.page, tmp_path / "Trip", single)
    done = console.page.get_by_role("heading", name="121 files uploaded", exact=True)
    expect(done).to_be_visible(timeout=3 * PATIENCE)
    assert console.harness.read("dragged/Trip/Day 1/119.txt") == b"119"
    assert console.harness.read("dragged/single.txt") == b"single"
    expect(console.page.get_by_text("Drop to upload to")).to_be_hidden()


# The browser reads a dropped folder only when `readOn` is called.
READ_LATE: Final = """() => {
  const { prototype } = DataTransferItem;
  const real = prototype.webkitGetAsEntry;
  prototype.webkitGetAsEntry = function () {
    const entry = real.call(this);
    const reader = entry.createReader();
    const read = reader.readEntries.bind(reader);
    reader.readEntries = (...calls) => {
      reader.readEntries = read;
      window.readOn = () => read(...calls);
    };
    entry.createReader = () => reader;
    return entry;
  };
}"""


def test_nobody_uploads_a_folder_for_the_caller_before(
    console: ConsolePage, tmp_path: Path
) -> None:
    folder = tmp_path / "Left"
    folder.mkdir()
    (folder / "left.txt").write_text("left")
    console.page.evaluate(READ_LATE)
    console.sign_in()
    drop(console.page, folder)
    wait_until(lambda: console.page.evaluate("'readOn' in window"))
    console.button("Sign out").click()
    console.sign_in(LISTER_KEY)
    console.page.evaluate("readOn()")
    console.page.wait_for_timeout(500)
    assert not console.harness.has("Left/left.txt")
    expect(console.item("Left/left.txt")).to_have_count(0)


@pytest.mark.parametrize(("name", "size"), [("kept.txt", 5), ("kept.bin", LARGE)])
def test_an_existing_object_is_replaced_only_on_request(
    console: ConsolePage, tmp_path: Path, name: str, size: int
) -> None:
    console.harness.put(name, b"first")
    file = large_file(tmp_path, name, size)
    console.sign_in()
    console.upload(file)
    console.page.get_by_role("dialog", name="This name is taken").wait_for(timeout=3 * PATIENCE)
    assert console.harness.read(name) == b"first"
    assert console.harness.uploads(name) == []
    answer(console, "This name is taken", "Replace")
    console.wait_until_sent(name)
    assert console.harness.holds(name, file)


def test_a_request_to_replace_holds_for_all_files(console: ConsolePage) -> None:
    console.harness.put("asked.txt", b"first")
    console.sign_in()
    console.field("Replace files of the same name").check()
    console.upload(text_file("asked.txt", b"second"))
    console.wait_until_sent("asked.txt")
    assert console.harness.read("asked.txt") == b"second"


def answer(console: ConsolePage, title: str, choice: str) -> None:
    """Answer the question about names that are taken."""
    dialog = console.page.get_by_role("dialog", name=title, exact=True)
    dialog.get_by_role("button", name=choice, exact=True).click()
    expect(dialog).to_be_hidden()


def skip(console: ConsolePage, name: str) -> None:
    """Leave a file out whose name is taken. The clock stops first: that is shown for some seconds only."""
    console.page.get_by_role("dialog", name="This name is taken", exact=True).wait_for()
    stop_clock(console.page)
    answer(console, "This name is taken", "Skip")
    expect(console.item(name)).to_have_attribute("data-state", "skipped")
    console.page.clock.run_for(REDRAWN_MS)


def test_names_that_are_taken_are_asked_about_once(console: ConsolePage) -> None:
    console.page.clock.install()
    for name in ("a.txt", "b.txt", "c.txt"):
        console.harness.put(f"conflicts/{name}", b"first")
    console.sign_in()
    console.follow("conflicts")
    expect(console.row("c.txt")).to_be_visible()
    console.harness.put("conflicts/a (2).txt", b"later")  # which the page does not know
    files = [text_file(f"{name}.txt", b"mine") for name in "abcde"]
    console.upload(*files)
    answer(console, "3 names are taken", "Keep both")
    expect(console.region("5 files uploaded")).to_be_visible()
    for name in ("a (3).txt", "b (2).txt", "c (2).txt", "d.txt", "e.txt"):
        assert console.harness.read(f"conflicts/{name}") == b"mine"
    assert console.harness.read("conflicts/a.txt") == b"first"
    assert console.harness.read("conflicts/a (2).txt") == b"later"
    console.upload(*files[:2])
    answer(console, "2 names are taken", "Replace all")
    expect(console.region("7 files uploaded")).to_be_visible()
    assert console.harness.read("conflicts/a.txt") == b"mine"
    console.upload(text_file("c.txt", b"mine"))
    skip(console, "c.txt")
    expect(console.region("7 files uploaded, 1 file skipped")).to_be_visible()
    console.page.clock.resume()
    assert console.harness.read("conflicts/c.txt") == b"first"
    console.upload(text_file("b (2).txt"))
    console.page.get_by_role("dialog", name="This name is taken").wait_for()
    console.page.keyboard.press("Escape")  # decides nothing
    console.button("1 name taken…").click()
    answer(console, "This name is taken", "Keep both")
    console.wait_until_sent("b (3).txt")
    console.upload(text_file("b (3).txt"))
    console.page.get_by_role("dialog", name="This name is taken").wait_for()
    console.page.keyboard.press("Escape")
    taken = console.item("b (3).txt").get_by_role("button", name="Keep both")
    taken.press("Enter")
    console.wait_until_sent("b (4).txt")
    expect(console.item("b (4).txt").locator(":focus")).to_be_visible()


def test_skipped_files_are_called_so_and_go(console: ConsolePage) -> None:
    console.harness.put("skipped/a.txt", b"first")
    console.page.clock.install()
    console.sign_in()
    console.follow("skipped")
    expect(console.row("a.txt")).to_be_visible()
    console.upload(text_file("a.txt"))
    skip(console, "a.txt")
    dock = console.region("1 file skipped")
    expect(dock).to_be_visible()
    expect(dock.get_by_role("listitem")).to_have_count(0)  # one line
    console.page.clock.run_for(SKIPPED_MS)
    expect(dock).to_be_hidden()
    expect(console.page.get_by_text("Unfinished uploads")).to_be_hidden()


def test_who_may_not_replace_keeps_both(console: ConsolePage) -> None:
    console.harness.put("inbox/taken.txt", b"first")
    console.sign_in(LIMITED_KEY)
    console.upload(text_file("taken.txt"))
    dialog = console.page.get_by_role("dialog", name="This name is taken")
    expect(dialog).to_contain_text("This file already exists:")
    expect(dialog).to_contain_text("Skip leaves it out.")
    expect(dialog.get_by_role("button")).to_have_text(["Skip", "Keep both"])
    answer(console, "This name is taken", "Keep both")
    console.wait_until_sent("taken (2).txt")
    assert console.harness.read("inbox/taken.txt") == b"first"


def test_a_refusal_is_in_words_for_people(console: ConsolePage) -> None:
    more: dict[str, Any] = {
        "request_id": "sentinel-id",
        "errors": [{"pointer": "#/content_length", "detail": "At most 1 byte."}],
    }
    path = "**/v1/upload-urls"
    console.page.route(path, lambda r: refuse(r, 403, "Limit.", "limit_exceeded", **more))
    console.sign_in()
    console.upload(text_file("refused.txt"))
    item = console.item("refused.txt")
    alert = item.get_by_role("alert")
    expect(alert).to_contain_text("The file is larger than you may upload.")
    assert "sentinel-id" not in console.page.content()
    alert.get_by_role("button", name="Copy details").click()
    copied = console.page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == [
        "403 limit_exceeded: Limit.",
        "#/content_length: At most 1 byte.",
        "Request sentinel-id",
    ]
    console.page.unroute(path)
    item.get_by_role("button", name="Try again").click()
    console.wait_until_sent("refused.txt")


def test_the_same_file_is_not_uploaded_twice_at_once(console: ConsolePage) -> None:
    held = hold(console.page, "**/v1/upload-urls")
    console.sign_in()
    console.upload(text_file("twice.txt", b"first"))
    route = first_held(console.page, held)
    console.upload(text_file("twice.txt", b"second"))
    expect(console.page.get_by_text("A file with this name is being uploaded")).to_be_visible()
    route.continue_()
    expect(console.page.get_by_text("Uploaded", exact=True)).to_be_visible()
    assert console.harness.read("twice.txt") == b"first"


# A route of Playwright's would delay each of hundreds of requests.
REFUSE_THREE: Final = """() => {
  const real = window.fetch;
  const problem = { code: "storage_refused", detail: "The store refused." };
  const headers = { "content-type": "application/problem+json" };
  window.fetch = async (url, init) =>
    /"key":"many\\/file-(7|77|177)\\.txt"/.test(init?.body)
      ? new Response(JSON.stringify(problem), { status: 502, headers })
      : real(url, init);
  window.refuseNoMore = () => (window.fetch = real);
}"""


def test_three_of_200_files_fail_and_are_tried_again(console: ConsolePage) -> None:
    console.page.evaluate(REFUSE_THREE)
    console.sign_in()
    console.new_folder("many")
    console.upload(*(text_file(f"file-{number}.txt") for number in range(200)))
    heading = console.page.locator("#uploading-title")  # by role each look takes a second of CPU
    expect(heading).to_have_text("197 files uploaded, 3 files not uploaded", timeout=6 * PATIENCE)
    rows = console.page.get_by_role("list", name="Uploads").get_by_role("listitem")
    for number in range(3):
        expect(rows.nth(number)).to_contain_text("Not uploaded")
    expect(rows.get_by_role("progressbar")).to_have_count(200)
    expect(rows.get_by_role("alert").filter(visible=True)).to_have_count(3)
    console.page.evaluate("refuseNoMore()")
    console.button("Try all again").click()
    expect(heading).to_have_text("200 files uploaded")
    if console.button("Show list").is_visible():  # it stays open while the focus is in it
        console.button("Show list").click()
    console.button("Clear list").click()
    expect(rows).to_have_count(0)


def test_files_that_are_being_sent_are_above_those_that_were(console: ConsolePage) -> None:
    console.sign_in()
    console.upload(text_file("above-1.txt"))
    console.wait_until_sent("above-1.txt")
    hold(console.page, "**/v1/upload-urls")
    console.upload(text_file("above-2.txt"))
    rows = console.page.get_by_role("list", name="Uploads").get_by_role("listitem")
    expect(rows.first).to_contain_text("above-2.txt")
    expect(rows.last).to_contain_text("above-1.txt")


SPEED: Final = re.compile(r"^\d+ % of 2\.9 MB · \d+ KB/s · \d s left$")
# Of one moment: what the head says, how full the bar is, and the per cent of head, bar and row.
PROGRESS: Final = """({ value }) => {
  const [head, row] = ["#uploading-rate", "#uploads .state"].map(
    (each) => document.querySelector(each).textContent,
  );
  return [head, value, [parseInt(head), Math.floor(100 * value), parseInt(row)]];
}"""


def test_a_slow_network_shows_speed_and_time_left(console: ConsolePage, tmp_path: Path) -> None:
    session = console.page.context.new_cdp_session(console.page)
    console.sign_in()
    slow = {"offline": False, "latency": 100, "downloadThroughput": -1, "uploadThroughput": 500_000}
    session.send("Network.emulateNetworkConditions", slow)
    console.upload(large_file(tmp_path, "slow.bin", 3_000_000))
    total = console.page.get_by_role("progressbar", name="Total")
    for _ in range(400):
        words, value, [head, bar, row] = total.evaluate(PROGRESS)
        if SPEED.match(words):
            break
        console.page.wait_for_timeout(50)
    assert SPEED.match(words)
    assert 0 < value < 1
    assert head == bar == row
    session.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    console.wait_until_sent("slow.bin")
    expect(total).to_be_hidden()
    expect(console.page.locator("#uploading-rate")).to_have_text("2.9 MB")


def test_small_files_pause_and_resume_together(console: ConsolePage) -> None:
    hold(console.page, "**/v1/upload-urls")
    console.sign_in()
    console.upload(*(text_file(f"paused-{number}.txt") for number in range(8)))
    console.button("Pause all").click()
    expect(console.page.get_by_text("Paused at 0 %")).to_have_count(8)
    console.page.unroute("**/v1/upload-urls")
    console.button("Resume all").click()
    expect(console.page.get_by_role("heading", name="8 files uploaded", exact=True)).to_be_visible()


def top_of(console: ConsolePage) -> float:
    """Where the list of files begins."""
    box = console.files.bounding_box()
    assert box is not None
    return float(box["y"])


def is_covered(console: ConsolePage, name: str) -> bool:
    """Whether something lies over the middle of a row that was scrolled to."""
    row = console.row(name)
    row.scroll_into_view_if_needed()
    covers = """(row) => {
      const { x, y, width, height } = row.getBoundingClientRect();
      return !row.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }"""
    covered: bool = row.evaluate(covers)
    return covered


def test_uploads_are_docked_and_never_move_the_list(console: ConsolePage) -> None:
    """They stay while folders change, and the list of them can be hidden."""
    for number in range(30):
        console.harness.put(f"docked/{number:02}.txt", b"x")
    console.sign_in()
    console.follow("docked")
    expect(console.row("29.txt")).to_be_visible()
    before = top_of(console)
    hold(console.page, "**/v1/upload-urls")
    console.upload(*(text_file(f"docked-{number}.txt") for number in range(8)))
    dock = console.region("0 of 8 files uploaded")
    expect(dock.get_by_role("listitem")).to_have_count(8)
    expect(dock).to_be_in_viewport(ratio=1)
    assert top_of(console) == before
    assert not is_covered(console, "29.txt")
    console.page.get_by_role("navigation", name="Path").get_by_text("objects").click()
    expect(console.heading).to_have_text("objects")
    expect(dock.get_by_role("listitem").first).to_be_visible()
    console.button("Hide list").click()
    expect(dock.get_by_role("listitem").first).to_be_hidden()
    expect(dock.get_by_role("progressbar", name="Total")).to_be_visible()
    expect(console.button("Show list")).to_be_focused()
    console.page.unroute("**/v1/upload-urls")
    expect(console.region("8 files uploaded")).to_be_visible()
    console.button("Show list").click()
    console.button("Clear list").click()
    expect(console.region("8 files uploaded")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 1920])
def test_uploads_leave_the_folder_in_sight(console: ConsolePage, width: int) -> None:
    """They are in the corner, and one line once all are sent."""
    console.page.set_viewport_size({"width": width, "height": 800})
    console.sign_in()
    console.new_folder(f"in sight {width}")
    held = hold(console.page, "**/v1/upload-urls")
    files = [text_file(f"in sight {number}.pdf") for number in range(12)]
    console.upload(*files)
    first_held(console.page, held)
    dock = console.page.locator("#uploading")
    empty = console.page.get_by_text("This folder is empty")
    expect(dock.get_by_role("listitem")).to_have_count(len(files))
    expect(empty).to_be_visible()
    beside, over = dock.bounding_box(), empty.bounding_box()
    assert beside is not None
    assert over is not None
    assert beside["height"] <= 800 / 3
    assert beside["x"] > width / 2
    assert over["x"] + over["width"] < beside["x"] or over["y"] + over["height"] < beside["y"]
    console.page.unroute("**/v1/upload-urls")
    expect(console.region("12 files uploaded")).to_be_visible()
    expect(dock.get_by_role("listitem")).to_have_count(0)
    line = dock.bounding_box()
    assert line is not None
    assert line["height"] < 64
    console.button("Show list").click()
    colours = [
        place.locator(".icon-pdf").first.evaluate("(icon) => getComputedStyle(icon).stroke")
        for place in (console.page.locator("#uploads"), console.files)
    ]
    assert colours[0] == colours[1]


def test_a_phone_offers_the_list_while_files_are_sent(console: ConsolePage) -> None:
    console.page.set_viewport_size({"width": 390, "height": 780})
    console.sign_in()
    hold(console.page, "**/v1/upload-urls")
    console.upload(text_file("on its way.txt"))
    expect(console.button("Show list")).to_be_visible()
    expect(console.item("on its way.txt")).to_be_hidden()


def test_a_phone_shows_the_list_of_uploads_on_request(console: ConsolePage) -> None:
    """Or if an upload needs somebody."""
    for number in range(20):
        console.harness.put(f"phone dock/{number:02}.txt", b"x")
    console.page.set_viewport_size({"width": 390, "height": 780})
    console.sign_in()
    console.follow("phone dock")
    console.upload(text_file("a.txt"))
    expect(console.region("1 file uploaded")).to_be_visible()
    expect(console.item("a.txt")).to_be_hidden()
    expect(console.row("a.txt")).to_be_visible()
    console.button("Show list").click()
    expect(console.item("a.txt")).to_be_visible()
    assert not is_covered(console, "19.txt")
    console.button("Hide list").click()
    console.upload(text_file("x" * 1100))
    expect(console.page.get_by_text("have more than 1024 bytes")).to_be_visible()
