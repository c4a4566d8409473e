"""What people do while an answer is on its way: they click again, type, or open something else."""

import json
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.console.harness import (
    LISTER_KEY,
    ConsolePage,
    choose,
    first_held,
    hold,
    let_token_expire,
    refuse,
    stop_clock,
    text_file,
)
from tests.browser.console.test_browsing import UNDO_MS, pages_of
from tests.browser.console.test_versions import Kept
from tests.browser.waiting import until

SETTLED_MS: Final = 500
LATE_CHOOSER: Final = """() => {
  window.showSaveFilePicker = () => new Promise((resolve) => {
    window.chooseFile = async () => {
      const folder = await navigator.storage.getDirectory();
      resolve(await folder.getFileHandle("late.zip", {create: true}));
    };
  });
}"""


def settle(console: ConsolePage) -> None:
    console.page.wait_for_timeout(SETTLED_MS)


def let_go(console: ConsolePage, held: list[Route]) -> None:
    for route in held:
        route.continue_()
    settle(console)


def bar(console: ConsolePage) -> Locator:
    """Of what is selected."""
    return console.page.locator("#selecting")


def select_folder(console: ConsolePage, folder: str) -> list[Route]:
    """Select its folder `f`, of which the store lists nothing yet."""
    console.harness.put(f"{folder}/f/a.txt", b"a")
    console.sign_in()
    console.follow(folder)
    console.row("f").get_by_role("checkbox").check()
    return hold(console.page, "**/v1/objects?**f%2F**")


def test_a_folder_is_deleted_once_by_a_double_click(console: ConsolePage) -> None:
    """Two deletions would each need an *Undo*."""
    held = select_folder(console, "clicked twice")
    bar(console).get_by_role("button", name="Delete").dblclick()
    first_held(console.page, held)
    let_go(console, held)
    expect(console.button("Undo")).to_have_count(1)
    console.button("Undo").click()
    console.row("f").wait_for()


def test_an_undo_that_comes_late_leaves_the_focus_to_who_types(console: ConsolePage) -> None:
    held = select_folder(console, "late undo")
    bar(console).get_by_role("button", name="Delete").click()
    first_held(console.page, held)
    console.field("Filter").fill("a")
    let_go(console, held)
    expect(console.button("Undo")).to_be_visible()
    expect(console.field("Filter")).to_be_focused()
    console.button("Undo").click()


def test_a_list_that_is_being_read_offers_no_more_of_it(console: ConsolePage) -> None:
    console.harness.put("being read/a.txt", b"a")
    console.sign_in()
    held = hold(console.page, "**/v1/objects?**being**")
    console.page.evaluate("location.hash = '#/objects/being%20read/'")
    first_held(console.page, held)
    console.field("Filter").fill("a")
    expect(console.button("Load more")).to_be_hidden()
    expect(console.page.locator("#listed")).to_have_text("Loading…")
    let_go(console, held)
    console.row("a.txt").wait_for()


@pytest.mark.parametrize(
    ("module", "begin", "name"),
    [
        ("preview.js", lambda console, name: console.button(name).click(), "Preview"),
        ("versions_dialog.js", lambda console, name: console.act(name, "Versions"), "Versions"),
    ],
    ids=["preview", "versions"],
)
def test_only_the_dialog_that_was_asked_for_last_opens(
    console: ConsolePage, module: str, begin: Callable[[ConsolePage, str], None], name: str
) -> None:
    for each in ("first.txt", "last.txt"):
        console.harness.put(f"asked for/{each}", each.encode())
    console.sign_in()
    console.follow("asked for")
    held = hold(console.page, f"**/{module}")
    begin(console, "first.txt")
    first_held(console.page, held)
    begin(console, "last.txt")
    let_go(console, held)
    dialog = console.page.get_by_role("dialog")
    expect(dialog).to_have_count(1)
    expect(dialog.get_by_role("heading")).to_have_text("last.txt")
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(str(request.post_data)))
    with console.page.expect_download() as saved:
        dialog.get_by_role("button", name="Download").first.click()
    settle(console)
    assert saved.value.suggested_filename == "last.txt"
    assert [json.loads(body)["key"] for body in asked if "key" in body] == ["asked for/last.txt"]


def test_a_qr_code_that_comes_late_is_there_once(console: ConsolePage) -> None:
    console.harness.put("late qr.txt", b"a")
    console.sign_in(LISTER_KEY)
    console.link("late qr.txt")
    held = hold(console.page, "**/qr_image.js")
    console.button("Show QR code").dblclick()
    first_held(console.page, held)
    let_go(console, held)
    expect(console.page.get_by_role("img", name="QR code")).to_have_count(1)


def test_a_qr_code_that_does_not_load_is_said(console: ConsolePage) -> None:
    console.harness.put("no qr.txt", b"a")
    console.sign_in(LISTER_KEY)
    console.link("no qr.txt")
    console.page.route("**/qr_image.js", lambda route: route.abort())
    console.button("Show QR code").click()
    alert = console.links.first.get_by_role("alert")
    expect(alert).to_be_visible()
    console.page.unroute("**/qr_image.js")
    console.button("Show QR code").click()
    expect(alert).to_be_hidden()


def test_a_double_click_makes_one_link_of_what_was_uploaded(console: ConsolePage) -> None:
    console.sign_in(LISTER_KEY)
    console.upload(text_file("linked once.txt"))
    console.wait_until_sent("linked once.txt")
    console.button("Show list").click()
    held = hold(console.page, "**/v1/download-urls")
    console.item("linked once.txt").get_by_role("button", name="Copy link").dblclick()
    first_held(console.page, held)
    settle(console)
    assert len(held) == 1
    let_go(console, held)
    expect(console.page.get_by_role("status")).to_contain_text("Link copied.")


def test_a_link_that_comes_late_leaves_the_focus_to_who_types(console: ConsolePage) -> None:
    console.harness.put("late link.txt", b"a")
    console.sign_in(LISTER_KEY)
    console.share()
    held = hold(console.page, "**/v1/download-urls")
    console.field("File to share").fill("late link.txt")
    console.button("Create link").click()
    first_held(console.page, held)
    console.field("File to share").fill("other.txt")
    let_go(console, held)
    expect(console.links).to_have_count(1)
    expect(console.field("File to share")).to_be_focused()


def test_a_place_that_is_chosen_late_starts_no_zip(console: ConsolePage) -> None:
    """The sign-in has expired meanwhile, and its page shows no name of a file."""
    console.harness.put("late zip/a.txt", b"a")
    console.sign_in()
    console.page.evaluate(LATE_CHOOSER)
    console.follow("late zip")
    console.field("Select all").check()
    bar(console).get_by_role("button", name="Download as ZIP").click()
    let_token_expire(console)
    console.page.evaluate("chooseFile()")
    settle(console)
    expect(console.page.locator("#toasts").get_by_role("listitem")).to_have_count(0)


def test_an_older_answer_about_a_file_is_dropped(console: ConsolePage) -> None:
    kept = Kept(console.harness)
    kept.put("older answer/a.txt", b"1", b"22", b"333")
    console.page.clock.install()
    console.sign_in(bucket="versions")
    console.follow("older answer")
    console.act("a.txt", "Versions")
    dialog = console.page.get_by_role("dialog", name="Versions", exact=True)
    rows = dialog.get_by_role("listitem").filter(has=console.page.locator("time"))
    expect(rows).to_have_count(3)
    stop_clock(console.page)
    for _ in range(2):
        choose(rows.filter(visible=True).first, "Delete")
    console.page.keyboard.press("Escape")
    held = hold(console.page, "**/v1/object-versions?*")
    console.page.clock.run_for(UNDO_MS + 500)
    until(lambda: len(held) == 2, console.page)
    old, new = held
    listed = old.fetch().json()
    stale = {**listed["versions"][0], "version_id": "gone", "size": 99}
    new.continue_()
    expect(console.row("a.txt")).to_contain_text("1 byte")
    old.fulfill(json={**listed, "versions": [stale, *listed["versions"]]})
    settle(console)
    expect(console.row("a.txt")).to_contain_text("1 byte")


def deleted_slowly(console: ConsolePage, folder: str) -> list[Route]:
    """Delete `a.txt` of two files, so that the time to undo it is over and the store has not answered."""
    for name in ("a.txt", "b.txt"):
        console.harness.put(f"{folder}/{name}", b"1")
    console.page.clock.install()
    console.sign_in()
    console.follow(folder)
    console.row("a.txt").wait_for()
    stop_clock(console.page)
    held = hold(console.page, f"{console.harness.store_origin}/**/a.txt?*")
    console.act("a.txt", "Delete")
    return held


def test_a_deletion_that_is_done_late_leaves_the_focus_to_who_types(console: ConsolePage) -> None:
    held = deleted_slowly(console, "deleted late")
    console.page.clock.run_for(UNDO_MS + 500)
    route = first_held(console.page, held)
    console.field("Filter").fill("b")
    with console.page.expect_response(route.request.url):
        route.continue_()
    settle(console)
    expect(console.page.get_by_role("status")).to_have_text("Deleted.")
    expect(console.field("Filter")).to_be_focused()


def test_a_list_of_before_shows_no_file_that_is_gone(console: ConsolePage) -> None:
    held = deleted_slowly(console, "of before")
    listed = hold(console.page, "**/v1/objects?**before**")
    console.page.get_by_role("link", name="of before").click()
    answer = first_held(console.page, listed).fetch()
    console.page.clock.run_for(UNDO_MS + 500)
    route = first_held(console.page, held)
    with console.page.expect_response(route.request.url):
        route.continue_()
    settle(console)
    listed[0].fulfill(response=answer)
    console.row("b.txt").wait_for()
    expect(console.row("a.txt")).to_have_count(0)


def test_a_list_of_before_hides_no_newer_file(console: ConsolePage) -> None:
    console.sign_in()
    console.new_folder("newer file")
    held = hold(console.page, "**/v1/objects?**newer**")
    console.page.get_by_role("link", name="newer file").click()
    route = first_held(console.page, held)
    console.upload(text_file("a.txt"))
    console.wait_until_sent("a.txt")
    facts = {"key": "newer file/a.txt", "etag": '"old"', "last_modified": "2026-03-01T12:00:00Z"}
    route.fulfill(json={"prefixes": [], "objects": [{**facts, "size": 99}]})
    settle(console)
    expect(console.row("a.txt")).to_contain_text("5 bytes")


def test_a_row_that_fails_late_leaves_the_focus_to_who_types(console: ConsolePage) -> None:
    console.harness.put("fails late/a.txt", b"a")
    console.sign_in()
    console.follow("fails late")
    held = hold(console.page, "**/v1/download-urls")
    console.act("a.txt", "Download")
    route = first_held(console.page, held)
    console.field("Filter").fill("a")
    refuse(route, 422, "No.", "invalid_request")
    expect(console.alert.filter(visible=True)).to_be_visible()
    expect(console.field("Filter")).to_be_focused()


def test_late_findings_leave_the_focus_to_who_types(console: ConsolePage) -> None:
    console.sign_in()
    held = hold(console.page, "**/v1/diagnoses")
    console.tool("Troubleshoot")
    console.field("URL or curl command").fill("https://store.example/a")
    console.button("Diagnose").click()
    route = first_held(console.page, held)
    console.field("URL or curl command").fill("https://store.example/b")
    route.fulfill(json={"findings": []})
    expect(console.page.get_by_text("No problem was found.")).to_be_visible()
    expect(console.field("URL or curl command")).to_be_focused()


def test_more_of_a_list_keeps_the_focus_near(console: ConsolePage) -> None:
    console.page.route("**/v1/objects?**", pages_of(25_500))
    console.sign_in(LISTER_KEY)
    more = console.button("Load more")
    more.press("Enter")
    expect(more).to_be_hidden()
    expect(console.page.get_by_text("25,500 items")).to_be_visible()
    expect(console.heading).to_be_focused()
