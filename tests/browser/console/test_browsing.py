"""The list of files: folders, order, pages, preview, download and deletion."""

import json
import re
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Route, expect

from tests.browser.console.harness import (
    LISTER_KEY,
    PATIENCE,
    READER_KEY,
    ConsolePage,
    Harness,
    choose,
    open_console,
    run_console,
    stop_clock,
    text_file,
)
from tests.browser.console.images import PDF, png
from tests.support.late import again_if_late, within
from tests.support.service import API_KEY
from tests.support.socket_server import wait_until
from tests.support.stores import Store

UNDO_MS: Final = 8_000
HOSTILE: Final = "<img src=x onerror=alert(1)>\u202egnp.exe"
SHOWN: Final = HOSTILE.replace("\u202e", "\ufffd")  # its true ending can be seen


def put(console: ConsolePage, folder: str, **files: bytes) -> None:
    for name, body in files.items():
        console.harness.put(f"{folder}/{name.replace('_', '.')}", body)


def expect_names(console: ConsolePage, *names: str) -> None:
    """Those of the rows, in their order."""
    expect(console.files.get_by_role("rowheader")).to_have_text(list(names))


def test_folders_lead_down_and_the_path_leads_back(console: ConsolePage) -> None:
    put(console, "browse/deep", a_txt=b"x" * 1536)
    put(console, "browse", b_txt=b"b")
    console.sign_in()
    console.follow("browse", "deep")
    row = console.row("a.txt")
    expect(row).to_contain_text("1.5 KB")
    expect(row.get_by_role("time")).to_have_text(re.compile("just now|minutes? ago"))
    path = console.page.get_by_role("navigation", name="Path").get_by_role("link")
    expect(path).to_have_text(["All files", "objects", "browse", "deep"])
    path.filter(has_text="browse").click()
    expect(console.heading).to_have_text("browse")
    expect(console.heading).to_be_focused()
    expect(console.row("b.txt")).to_be_visible()
    expect_names(console, "deep", "b.txt")


def test_columns_sort_and_the_filter_narrows(console: ConsolePage) -> None:
    put(console, "sorted", b10_txt=b"1", b9_txt=b"333", a_csv=b"22")
    console.sign_in()
    console.follow("sorted")
    expect(console.row("a.csv")).to_be_visible()
    expect_names(console, "a.csv", "b9.txt", "b10.txt")
    console.button("Size").click()
    expect_names(console, "b9.txt", "a.csv", "b10.txt")
    head = console.files.get_by_role("columnheader", name="Size")
    expect(head).to_have_attribute("aria-sort", "descending")
    console.page.get_by_role("searchbox", name="Filter").fill("TXT b1")
    expect_names(console, "b10.txt")
    expect(console.page.get_by_role("status")).to_have_text("1 item, 1 byte")
    console.page.get_by_role("searchbox", name="Filter").fill("nothing")
    expect(console.page.locator("#empty")).to_contain_text("Nothing matches the filter")


def test_a_search_finds_files_in_the_folders_below(console: ConsolePage) -> None:
    put(console, "search/2025/may", invoice_pdf=b"1")
    put(console, "search", invoice_txt=b"1", other_txt=b"1")
    console.sign_in()
    console.follow("search")
    expect(console.row("other.txt")).to_be_visible()
    below = console.field("Search the folders below, too")
    expect(below).to_be_hidden()
    console.page.get_by_role("searchbox", name="Filter").fill("invoice")
    below.check()
    expect(console.row("2025/may/invoice.pdf")).to_be_visible()
    expect_names(console, "2025/may/invoice.pdf", "invoice.txt")
    console.upload(text_file("invoice too.txt"))
    expect(console.row("invoice too.txt")).to_be_visible()
    below.uncheck()
    expect(console.row("2025/may/invoice.pdf")).to_be_hidden()
    expect(console.row("invoice.txt")).to_be_visible()
    expect_names(console, "invoice too.txt", "invoice.txt")


def test_a_search_says_how_far_it_went(console: ConsolePage) -> None:
    console.page.route("**/v1/objects?**", pages_of(25_500))
    console.sign_in(LISTER_KEY)
    console.page.get_by_role("searchbox", name="Filter").fill("report 2499")
    expect(console.page.get_by_text("of the first 25,000 items")).to_be_visible(
        timeout=3 * PATIENCE
    )
    expect(console.button("Load more")).to_be_visible()


def pages_of(count: int) -> Any:
    """Answers of the service for a folder of so many objects, 1,000 at a time."""

    def answer(route: Route) -> None:
        after = int(httpx.URL(route.request.url).params.get("after", "0"))
        shown = range(after, min(after + 1000, count))
        objects = [
            {"key": f"report {n}.csv", "size": n, "etag": '"e"',
             "last_modified": "2026-03-01T12:00:00Z"} for n in shown
        ]  # fmt: skip
        more = {"next": str(after + 1000)} if after + 1000 < count else {}
        route.fulfill(json={"prefix": "", "prefixes": [], "objects": objects, **more})

    return answer


def test_20000_objects_are_read_and_shown_by_the_page(console: ConsolePage) -> None:
    console.page.route("**/v1/objects?**", pages_of(20_000))
    console.sign_in(LISTER_KEY)
    expect(console.page.get_by_text("1\u2013100 of 20,000 items")).to_be_visible(
        timeout=3 * PATIENCE
    )
    expect(console.files.get_by_role("row")).to_have_count(101)
    console.button("Next").click()
    expect(console.page.get_by_text("101\u2013200 of 20,000 items")).to_be_visible()
    expect(console.files.get_by_role("rowheader").first).to_have_text("report 100.csv")
    console.page.get_by_role("searchbox", name="Filter").fill("report 1999")
    expect(console.files.get_by_role("row")).to_have_count(13)  # with the head
    expect(console.button("Next")).to_be_hidden()


def test_a_folder_of_two_pages_is_read_from_the_store(console: ConsolePage) -> None:
    """The same with a true store, whose keys are in another order."""
    for number in range(1001):
        console.harness.put(f"two-pages/{number}", b"")
    console.sign_in()
    console.follow("two-pages")
    expect(console.page.get_by_text("1\u2013100 of 1,001 items")).to_be_visible(
        timeout=3 * PATIENCE
    )
    rows = console.files.get_by_role("rowheader")
    for number in range(3):
        expect(rows.nth(number)).to_have_text(str(number))


def preview(console: ConsolePage, folder: str, name: str) -> Locator:
    console.sign_in()
    console.follow(folder)
    console.button(name).click()
    dialog = console.page.get_by_role("dialog", name="Preview")
    expect(dialog).to_be_visible()
    return dialog


def test_an_image_is_previewed(console: ConsolePage) -> None:
    console.harness.put("look/photo.png", png(40, 30))
    dialog = preview(console, "look", "photo.png")
    image = dialog.get_by_role("img", name="photo.png")
    expect(image).to_be_visible()
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 40
    console.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(console.button("photo.png")).to_be_focused()
    # The dialog is hidden before it says that it was closed.
    expect(console.page.locator("#preview-body img")).to_have_count(0)
    assert "X-Amz-Signature" not in console.page.content()


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "notes.txt"])
def test_text_is_shown_as_text_whatever_is_in_it(console: ConsolePage, name: str) -> None:
    text = "<script>document.title = 'broken'</script><svg onload=alert(1)>"
    put(console, "texts", **{name.replace(".", "_"): text.encode()})
    dialog = preview(console, "texts", name)
    expect(dialog.locator("pre")).to_have_text(text)


def test_a_pdf_is_shown_in_a_frame_of_the_store(console: ConsolePage) -> None:
    console.harness.put("papers/paper.pdf", PDF)
    dialog = preview(console, "papers", "paper.pdf")
    frame = dialog.locator("iframe")
    expect(frame).to_have_attribute("title", "paper.pdf")
    assert (frame.get_attribute("src") or "").startswith(console.harness.store_origin)
    expect(frame).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(frame).to_have_count(0)
    # The viewer is a part of Chromium with files of its own.
    own = ("chrome:", "chrome-extension:")
    console.watch.strangers[:] = [u for u in console.watch.strangers if not u.startswith(own)]


def test_what_is_not_what_its_name_says_is_not_shown(console: ConsolePage) -> None:
    console.harness.put("odd/broken.png", b"<svg onload=alert(1)>")
    dialog = preview(console, "odd", "broken.png")
    expect(dialog.get_by_text("This file cannot be shown.")).to_be_visible()


def test_a_file_is_downloaded_under_its_name(console: ConsolePage, tmp_path: Path) -> None:
    put(console, "down", load_txt=b"loaded")
    console.sign_in()
    console.follow("down")
    with console.page.expect_download() as downloaded:
        console.act("load.txt", "Download")
    assert downloaded.value.suggested_filename == "load.txt"
    downloaded.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == b"loaded"


def test_a_deletion_can_be_undone(console: ConsolePage) -> None:
    put(console, "bin", kept_txt=b"kept", gone_txt=b"gone")
    console.page.clock.install()
    console.sign_in()
    console.follow("bin")
    expect(console.row("kept.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("kept.txt", "Delete")
    expect(console.row("kept.txt")).to_be_hidden()
    expect(console.button("Undo")).to_be_focused()
    status = console.page.get_by_role("status")
    expect(status).to_have_text("Deleted kept.txt. Undo is possible for 8 seconds.")
    console.page.clock.run_for(UNDO_MS - 500)
    console.button("Undo").click()
    expect(console.row("kept.txt")).to_be_visible()
    expect(status).to_have_text("Not deleted.")
    console.act("gone.txt", "Delete")
    with console.page.expect_response(lambda answer: answer.request.method == "DELETE"):
        console.page.clock.run_for(UNDO_MS + 500)
    expect(console.button("Undo")).to_be_hidden()
    assert not console.harness.has("bin/gone.txt")
    assert console.harness.has("bin/kept.txt")


def test_a_file_that_is_replaced_meanwhile_is_not_deleted(console: ConsolePage) -> None:
    put(console, "again", a_txt=b"old")
    console.page.clock.install()
    console.sign_in()
    console.follow("again")
    console.field("Replace files of the same name").check()
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Delete")
    console.upload(text_file("a.txt", b"new"))
    console.page.clock.run_for(1000)
    console.wait_until_sent("a.txt")
    expect(console.button("Undo")).to_be_hidden()  # long before the deletion would be sent
    console.page.clock.run_for(UNDO_MS)
    expect(console.row("a.txt")).to_be_visible()
    assert console.harness.read("again/a.txt") == b"new"


def test_a_file_that_somebody_else_changes_is_not_deleted(console: ConsolePage) -> None:
    put(console, "theirs", a_txt=b"old")
    console.page.clock.install()
    console.sign_in()
    console.follow("theirs")
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Delete")
    put(console, "theirs", a_txt=b"new")
    console.page.clock.run_for(UNDO_MS + 500)
    said = console.alert.filter(visible=True)
    expect(said).to_contain_text("The file was not deleted.")
    expect(said).to_contain_text("It was changed since the list was read, and stays as it is.")
    assert console.harness.read("theirs/a.txt") == b"new"


@again_if_late
def test_a_tab_that_closes_meanwhile_deletes_nothing(
    context: BrowserContext, harness: Harness
) -> None:
    console = open_console(context, harness)
    put(console, "closed", a_txt=b"a")
    console.sign_in()
    console.follow("closed")
    with within(UNDO_MS / 1000):
        console.act("a.txt", "Delete")
        console.button("Undo").wait_for()
        console.page.close()
    time.sleep(UNDO_MS / 1000 + 1)
    assert harness.has("closed/a.txt")


def test_signing_out_deletes_nothing_and_closes_the_preview(console: ConsolePage) -> None:
    put(console, "out", a_txt=b"a", b_txt=b"b")
    console.page.clock.install()
    console.sign_in()
    console.follow("out")
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Delete")
    console.button("b.txt").click()
    expect(console.page.get_by_role("dialog", name="Preview").locator("pre")).to_have_text("b")
    refusal = {"code": "unauthenticated", "detail": "It ran out."}
    answer = {"status": 401, "content_type": "application/problem+json"}
    console.page.route(
        "**/v1/download-urls", lambda route: route.fulfill(body=json.dumps(refusal), **answer)
    )
    console.page.get_by_role("dialog").get_by_role("button", name="Download").click()
    expect(console.page.get_by_role("dialog")).to_be_hidden()
    expect(console.alert.first).to_be_focused()
    console.page.clock.run_for(UNDO_MS)
    assert console.harness.has("out/a.txt")


def test_a_deletion_that_fails_brings_the_file_back(console: ConsolePage) -> None:
    put(console, "stuck", a_txt=b"a")
    console.page.clock.install()
    console.sign_in()
    console.follow("stuck")
    problem = {"code": "forbidden", "detail": "No."}
    console.page.route(
        "**/v1/delete-urls",
        lambda route: route.fulfill(
            status=403, body=json.dumps(problem), content_type="application/problem+json"
        ),
    )
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Delete")
    console.page.clock.run_for(UNDO_MS + 500)
    expect(console.alert.filter(visible=True)).to_contain_text("The file was not deleted.")
    expect(console.row("a.txt")).to_be_visible()
    console.button("Dismiss").click()
    expect(console.heading).to_be_focused()


def test_hostile_names_are_text(console: ConsolePage) -> None:
    console.harness.put(f"hostile/{HOSTILE}", b"1")
    console.harness.put(f"hostile/{HOSTILE}/below.txt", b"2")
    console.sign_in()
    console.follow("hostile")
    expect(console.files.locator("bdi")).to_have_count(2)
    expect_names(console, SHOWN, SHOWN)
    console.follow(SHOWN)
    expect(console.row("below.txt")).to_be_visible()
    assert console.page.locator("main img").count() == 0


def test_a_long_name_is_in_one_line_with_its_ending(console: ConsolePage) -> None:
    name = f"{'Minutes of the board ' * 47}2026.pdf"  # 995 bytes, and the folder
    console.harness.put(f"long/{name}", b"1")
    console.sign_in()
    console.follow("long")
    file = console.files.get_by_role("button", name=name, exact=True)
    expect(file).to_have_attribute("aria-label", name)
    box = file.bounding_box()
    assert box is not None
    assert box["height"] < 48
    ending = file.get_by_text("rd 2026.pdf").bounding_box()
    assert ending is not None
    assert ending["x"] + ending["width"] <= box["x"] + box["width"] + 1


def test_the_deletion_of_a_long_name_can_be_undone(console: ConsolePage) -> None:
    name = f"{'Minutes of the board ' * 40}.pdf"
    console.harness.put(f"long bin/{name}", b"1")
    console.sign_in()
    console.follow("long bin")
    choose(console.files.get_by_role("row").last, "Delete")
    expect(console.button("Undo")).to_be_in_viewport(ratio=1)
    console.button("Undo").click()
    expect(console.files.get_by_role("button", name=name, exact=True)).to_be_visible()


def test_a_page_of_files_begins_at_its_top(console: ConsolePage) -> None:
    console.page.route("**/v1/objects?**", pages_of(250))
    console.sign_in(LISTER_KEY)
    console.button("Next").click()
    expect(console.row("report 100.csv")).to_be_in_viewport()
    expect(console.button("report 100.csv")).to_be_focused()


def test_a_folder_that_may_not_be_listed_says_so(console: ConsolePage) -> None:
    console.sign_in(READER_KEY)
    expect(console.heading).to_have_text("2026")
    expect(console.page.get_by_text("You cannot see the files in this folder")).to_be_visible()
    expect(console.button("Upload")).to_be_hidden()


def test_a_list_that_fails_is_asked_for_again(console: ConsolePage) -> None:
    console.page.goto(f"{console.harness.url}#/objects/listed again/")
    console.page.route("**/v1/objects?**", lambda route: route.abort())
    console.sign_in(LISTER_KEY)
    alert = console.alert.filter(visible=True)
    expect(alert).to_contain_text("The service did not respond.")
    expect(console.page.locator("#empty")).to_be_hidden()
    console.page.unroute("**/v1/objects?**")
    put(console, "listed again", again_txt=b"1")
    alert.get_by_role("button", name="Try again").click()
    expect(console.row("again.txt")).to_be_visible()
    expect(alert).to_be_hidden()


def test_arrows_lead_from_row_to_row(console: ConsolePage) -> None:
    put(console, "arrows", a_txt=b"a", b_txt=b"b")
    console.sign_in()
    console.follow("arrows")
    download = console.row("a.txt").get_by_role("button", name="Download")
    download.focus()
    console.page.keyboard.press("ArrowDown")
    expect(console.row("b.txt").get_by_role("button", name="Download")).to_be_focused()
    console.page.keyboard.press("ArrowUp")
    expect(download).to_be_focused()


def test_a_stored_file_that_was_replaced_is_not_deleted(console: ConsolePage) -> None:
    console.page.clock.install()
    console.sign_in()
    console.new_folder("stored here")
    expect(console.heading).to_have_text("stored here")
    console.upload(text_file("a.txt"), text_file("b.txt"))
    console.wait_until_sent("b.txt")
    choose(console.row("b.txt"), "Rename")
    console.field("New name").fill("c.txt")
    console.field("New name").press("Enter")
    console.row("c.txt").wait_for()
    console.row("a.txt").wait_for()
    put(console, "stored here", a_txt=b"theirs", c_txt=b"theirs")
    stop_clock(console.page)
    console.field("Select all").check()
    console.page.locator("#selecting").get_by_role("button", name="Delete").click()
    console.page.clock.run_for(UNDO_MS + 500)
    console.page.clock.resume()
    kept = console.page.locator(".toast.batch").filter(has_text="0 of 2 files deleted.")
    expect(kept.get_by_text("It was changed since the list was read")).to_have_count(2)
    assert [console.harness.read(f"stored here/{name}.txt") for name in "ac"] == [b"theirs"] * 2


def test_a_grant_that_is_withdrawn_changes_what_is_offered(
    context: BrowserContext, ministack: Store, tmp_path: Path
) -> None:
    with run_console(ministack, tmp_path) as harness:
        console = open_console(context, harness)
        console.sign_in()
        expect(console.button("Upload")).to_be_visible()
        withdraw(harness, tmp_path / "presign.yaml", "upload", "multipart")
        console.upload(text_file("withdrawn.txt"))
        alert = console.item("withdrawn.txt").get_by_role("alert")
        expect(alert).to_contain_text("You are not allowed to do this.")
        expect(console.button("Upload")).to_be_hidden()
        assert not harness.has("withdrawn.txt")


def withdraw(harness: Harness, file: Path, *operations: str) -> None:
    """Change the configuration, and wait until the service uses it."""
    settings = json.loads(file.read_text())
    for caller in settings["callers"]:
        for grant in caller["grants"]:
            grant["allow"] = [each for each in grant["allow"] if each not in operations]
    settings["callers"] = [c for c in settings["callers"] if c["grants"][0]["allow"]]
    file.write_text(json.dumps(settings))
    headers = {"Authorization": f"Bearer {API_KEY}"}
    caller = partial(harness.service.client.get, "/v1/caller", headers=headers)
    wait_until(lambda: "upload" not in caller().text)
