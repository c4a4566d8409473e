"""Several files at once: selected, moved, renamed, deleted, and downloaded as a ZIP."""

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Download, Locator, Route, expect

from tests.browser.axe import fits, violations
from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.harness import (
    ConsolePage,
    Harness,
    choose,
    expired,
    first_held,
    hold,
    open_console,
    refuse,
    run_console,
    stop_clock,
)
from tests.browser.waiting import until
from tests.support.delivered import run_delivered
from tests.support.stores import Store

PARALLEL: Final = 4  # moves at a time
UNDO_MS: Final = 8_000
REDRAW_MS: Final = 100
WIDE: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
# A file in the browser's own file system, as if somebody had chosen it.
CHOOSER: Final = """() => {
  window.showSaveFilePicker = async ({suggestedName}) => {
    const folder = await navigator.storage.getDirectory();
    return folder.getFileHandle(suggestedName, {create: true});
  };
}"""
CHOSEN: Final = """async (name) => {
  const folder = await navigator.storage.getDirectory();
  const file = await (await folder.getFileHandle(name)).getFile();
  return Array.from(new Uint8Array(await file.arrayBuffer()));
}"""


@contextmanager
def opened(chromium: Browser, harness: Harness, **more: Any) -> Iterator[ConsolePage]:
    with chromium.new_context(bypass_csp=True, **more) as context:
        console = open_console(context, harness)
        yield console
        kept_to_itself(console)


def put(harness: Harness, folder: str, *names: str) -> None:
    for name in names:
        harness.put(f"{folder}/{name}", name.encode())


def is_well(console: ConsolePage) -> None:
    assert violations(console.page) == []
    assert fits(console.page)


def selected(console: ConsolePage, words: str) -> None:
    expect(console.page.locator("#selecting")).to_contain_text(words)


def says(console: ConsolePage, words: str) -> None:
    """What the message says is announced, too. It goes after some seconds, and the announcement stays."""
    expect(console.page.get_by_role("status")).to_have_text(words)


def dialog(console: ConsolePage) -> Locator:
    return console.page.get_by_role("dialog")


def test_files_are_selected_moved_and_renamed_by_keyboard(
    chromium: Browser, harness: Harness
) -> None:
    put(harness, "pressed", "a.txt", "b.txt", "c.txt", "deep/d.txt")
    put(harness, "pressed-to", "b.txt")
    with opened(chromium, harness, viewport=WIDE) as console:
        press = console.page.keyboard.press
        console.sign_in()
        console.follow("pressed")
        console.button("a.txt").focus()
        press("Control+a")
        selected(console, "4 selected (1 folder not counted), 15 bytes")
        press("Escape")
        selected(console, "Select all")
        press("Shift+ArrowDown")
        selected(console, "2 selected, 10 bytes")
        press("Shift+ArrowDown")
        press("Shift+ArrowUp")
        selected(console, "2 selected, 10 bytes")
        is_well(console)
        console.button("Move").press("Enter")
        expect(dialog(console)).to_contain_text("They are in this folder already.")
        is_well(console)
        for name in ("↑ One level up", "pressed-to"):
            dialog(console).get_by_role("button", name=name, exact=True).press("Enter")
        dialog(console).get_by_role("button", name="Move here").press("Enter")
        expect(dialog(console)).to_contain_text("This name is taken")
        is_well(console)
        dialog(console).get_by_role("button", name="Keep both").press("Enter")
        says(console, "2 files moved.")
        expect(console.row("a.txt")).to_be_hidden()
        assert [harness.read(f"pressed-to/{name}") for name in ("a.txt", "b (2).txt")] == [
            b"a.txt",
            b"b.txt",
        ]
        assert harness.read("pressed-to/b.txt") == b"b.txt"
        assert not harness.has("pressed/a.txt")
        rename(console, "c.txt", "é 'c'.txt")
        expect(console.button("é 'c'.txt")).to_be_focused()
        assert harness.read("pressed/é 'c'.txt") == b"c.txt"
        rename(console, "deep", "deeper")
        expect(console.row("deeper")).to_be_visible()
        expect(console.row("deep")).to_be_hidden()
        assert harness.read("pressed/deeper/d.txt") == b"deep/d.txt"


def rename(console: ConsolePage, name: str, other: str) -> None:
    """A file by its key, and a folder by its menu."""
    if name.endswith(".txt"):
        console.button(name).focus()
        console.page.keyboard.press("F2")
    else:
        choose(console.row(name), "Rename")
    field = console.field("New name")
    expect(field).to_be_focused()
    is_well(console)
    field.fill("a/b")
    field.press("Enter")
    expect(dialog(console).get_by_role("alert")).to_contain_text("A name has no slash.")
    field.fill(other)
    field.press("Enter")
    expect(dialog(console)).to_have_count(0)


@pytest.fixture(scope="module", name="conditional")
def _conditional(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """MiniStack obeys a copy's condition on its source, and does not name it in its 412."""
    directory = tmp_path_factory.mktemp("conditional")
    with run_console(ministack, directory, bucket={"conditional_copies": True}) as harness:
        yield harness


@pytest.mark.parametrize(
    ("newer", "words"),
    [(b"newer", "It was changed since the list was read"), (None, "This file is no longer there.")],
    ids=["changed", "gone"],
)
def test_a_file_that_changed_since_the_list_keeps_its_name(
    chromium: Browser, conditional: Harness, newer: bytes | None, words: str
) -> None:
    """No other name is asked for, nor tried."""
    put(conditional, "since", "a.txt")
    with opened(chromium, conditional, viewport=WIDE) as console:
        console.sign_in()
        console.follow("since")
        expect(console.page.get_by_role("button", name="a.txt", exact=True)).to_be_visible()
        conditional.remove("since/a.txt")
        if newer is not None:
            conditional.put("since/a.txt", newer)
        signed = list[str]()
        console.page.on("request", lambda asked: signed.append(asked.url))
        rename(console, "a.txt", "b.txt")
        failed = console.page.locator(".toast").filter(has_text="0 of 1 file renamed.")
        expect(failed).to_contain_text(words)
        is_well(console)
        expect(dialog(console)).to_have_count(0)
        assert len([url for url in signed if url.endswith("/copy-urls")]) == 1
    assert conditional.has("since/a.txt") is (newer is not None)
    assert not conditional.has("since/b.txt")


def test_a_folder_stays_listed_while_some_of_it_was_cancelled(
    chromium: Browser, harness: Harness
) -> None:
    put(harness, "cancelled/from", *(f"{name}.txt" for name in "abcdef"))
    with opened(chromium, harness, viewport=WIDE) as console:
        console.sign_in()
        console.follow("cancelled")
        held = list[Route]()

        def hold(asked: Route) -> None:
            held.append(asked)

        console.page.route("**/v1/copy-urls", hold)
        choose(console.row("from"), "Rename")
        console.field("New name").fill("to")
        console.field("New name").press("Enter")
        expect(console.page.locator(".toast")).to_contain_text("Renaming")
        until(lambda: len(held) == PARALLEL, console.page)
        refuse(held[0], 403, "No.", "forbidden")
        # Its place is taken by the fifth, and the sixth never begins.
        until(lambda: len(held) == PARALLEL + 1, console.page)
        console.button("Cancel").click()
        for each in held[1:]:
            each.continue_()
        console.page.unroute("**/v1/copy-urls")
        console.button("Try again").click()
        says(console, "5 of 6 files renamed.")
        console.page.locator("[data-column=name] button").click()  # the list is shown again
        expect(console.row("to")).to_be_visible()
        expect(console.row("from")).to_be_visible()
    assert harness.has("cancelled/from/f.txt")


def test_a_second_try_says_what_it_met(chromium: Browser, conditional: Harness) -> None:
    put(conditional, "again", "a.txt")
    with opened(chromium, conditional, viewport=WIDE) as console:
        console.sign_in()
        console.follow("again")
        expect(console.row("a.txt")).to_be_visible()
        conditional.put("again/a.txt", b"newer")
        rename(console, "a.txt", "b.txt")
        toast = console.page.locator(".toast")
        expect(toast).to_contain_text("It was changed since the list was read, and stays")
        console.page.route("**/v1/objects?*", lambda asked: refuse(asked, 403, "No.", "forbidden"))
        console.button("Try again").click()
        expect(toast).to_contain_text("or its new name is taken: the storage does not say which")
        console.page.unroute("**/v1/objects?*")
        put(conditional, "again", "a.txt")  # as it was listed
        console.button("Try again").click()
        says(console, "1 file renamed.")
        expect(toast.get_by_role("listitem")).to_have_count(0)
        assert conditional.read("again/b.txt") == b"a.txt"


def test_a_zip_has_what_was_selected(context: BrowserContext, harness: Harness) -> None:
    put(harness, "zipped", "a.txt", "é😀.txt", "deep/d.txt")
    contents = {name: name.encode() for name in ("a.txt", "é😀.txt", "deep/d.txt")}
    context.add_init_script("delete window.showSaveFilePicker")
    console = open_console(context, harness)
    console.sign_in()
    console.follow("zipped")
    console.field("Select all").check()
    with console.page.expect_download() as downloaded:
        console.button("Download as ZIP").click()
    assert downloaded.value.suggested_filename == "zipped.zip"
    assert read_zip(downloaded.value.path().read_bytes()) == contents
    says(console, "zipped.zip: 3 files saved.")
    expect(console.page.locator(".toast")).to_have_count(0)  # it goes by itself
    console.page.evaluate(CHOOSER)  # another browser: as it comes, into a file
    console.button("a.txt").press("Escape")
    console.field("Select all").check()
    selected(console, "3 selected")
    expect(console.page.get_by_role("status")).to_contain_text(
        "3 selected"
    )  # no longer what is saved
    console.button("Download as ZIP").click()
    says(console, "zipped.zip: 3 files saved.")
    assert read_zip(bytes(console.page.evaluate(CHOSEN, "zipped.zip"))) == contents
    harness.remove("zipped/a.txt")  # since the list was read
    console.button("Download as ZIP").click()
    toast = console.page.locator(".toast", has_text="It lists what is missing.")
    expect(toast).to_contain_text("zipped.zip is saved without 1 file.")
    expect(toast.get_by_role("listitem")).to_contain_text("It is no longer there.")
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)
    found = read_zip(bytes(console.page.evaluate(CHOSEN, "zipped.zip")))
    assert found.pop("Files that are missing.txt") == b"a.txt: It is no longer there.\r\n"
    assert found == {name: contents[name] for name in ("é😀.txt", "deep/d.txt")}
    kept_to_itself(console)


def test_files_that_cloudfront_delivers_are_saved_by_their_names(
    context: BrowserContext, ministack: Store, tmp_path: Path
) -> None:
    with run_delivered(ministack, tmp_path, console=True) as (service, edge):
        edge.answer_headers = {"Access-Control-Allow-Origin": "*"}
        harness = Harness(store=ministack, service=service)
        names = ["a.txt", "b.html", "c.bin"]
        put(harness, "delivered", *names)
        console = open_console(context, harness)
        console.watch.allowed.add(edge.origin)
        saved: list[Download] = []
        console.page.on("download", lambda each: saved.append(each))  # noqa: PLW0108 (as in harness)
        console.sign_in()
        console.follow("delivered")
        console.field("Select all").check()
        bar = console.page.locator("#selecting")
        bar.get_by_role("button", name="Download", exact=True).click()
        says(console, "3 files asked for.")
        until(lambda: len(saved) == len(names), console.page)  # in any order
        assert {each.suggested_filename: each.path().read_text() for each in saved} == {
            name: name for name in names
        }
        assert len(context.pages) == 1  # no other window
        kept_to_itself(console)


@pytest.mark.parametrize("is_signed_out", [True, False], ids=["signed out", "expired"])
def test_a_download_that_was_asked_for_outlives_the_sign_in(
    context: BrowserContext, harness: Harness, is_signed_out: bool
) -> None:
    """The browser has asked the store. No signed URL is left in the page."""
    put(harness, "framed", "a.txt", "b.txt", "c.txt")
    console = open_console(context, harness)
    console.sign_in()
    console.follow("framed")
    held = hold(console.page, f"{harness.store_origin}/**/a.txt?*")
    begun = hold(console.page, "**/v1/download-urls")
    console.field("Select all").check()
    console.page.locator("#selecting").get_by_role("button", name="Download", exact=True).click()
    first_held(console.page, begun).continue_()
    route = first_held(console.page, held)
    assert "X-Amz-Signature" not in console.page.content()
    until(lambda: len(begun) == 2, console.page)
    if is_signed_out:
        console.button("Sign out").click()
        console.button("Cancel and sign out").click()
    else:
        expired(begun[1])
    expect(console.field("API key or token")).to_be_visible()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    with console.page.expect_download() as saved:
        route.continue_()
    assert saved.value.suggested_filename == "a.txt"
    assert saved.value.path().read_text() == "a.txt"
    assert [url for url in asked if "/v1/" in url] == []
    assert "X-Amz-Signature" not in console.page.content()
    kept_to_itself(console)


def read_zip(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        assert made.testzip() is None
        return {name: made.read(name) for name in made.namelist()}


def test_many_are_deleted_and_a_session_ends_on_a_phone(
    chromium: Browser, harness: Harness
) -> None:
    put(harness, "lots", *(f"{number}.txt" for number in range(6)), "deep/d.txt")
    put(harness, "lots-to", "x.txt")
    with opened(chromium, harness, viewport=PHONE, color_scheme="dark") as console:
        console.page.clock.install()
        console.sign_in()
        console.follow("lots")
        for name in ("0.txt", "1.txt", "deep"):
            console.row(name).get_by_role("checkbox", name="Select").check()
        selected(console, "3 selected")
        is_well(console)
        stop_clock(console.page)
        delete(console)
        expect(console.row("0.txt")).to_be_hidden()
        console.button("Undo").click()
        expect(console.row("0.txt")).to_be_visible()
        delete(console)
        console.page.clock.run_for(UNDO_MS + 500)
        said = console.page.locator(".toast p").get_by_text("3 files deleted.", exact=True)
        for _ in range(100):
            if said.is_visible():
                break
            console.page.clock.run_for(REDRAW_MS)  # it is there for longer
        says(console, "3 files deleted.")
        console.page.clock.resume()
        expect(console.heading).to_be_focused()
        assert [harness.has(f"lots/{each}") for each in ("0.txt", "deep/d.txt", "2.txt")] == [
            False,
            False,
            True,
        ]
        move_until_the_session_ends(console)
        is_well(console)
        console.button("Go on").click()
        says(console, "4 files moved.")
        assert all(harness.has(f"lots-to/{number}.txt") for number in range(2, 6))
        assert not harness.has("lots/2.txt")


def delete(console: ConsolePage) -> None:
    for name in ("0.txt", "1.txt", "deep"):
        console.row(name).get_by_role("checkbox", name="Select").check()
    console.page.locator("#selecting").get_by_role("button", name="Delete").click()
    expect(console.button("Undo")).to_be_focused()
    expect(console.page.locator(".toast")).to_contain_text("Deleted 2 files and 1 folder")


def move_until_the_session_ends(console: ConsolePage) -> None:
    signed = 0

    def answer(route: Route) -> None:
        nonlocal signed
        signed += 1
        if signed > 1:
            refuse(route, 401, "It ran out.")
        else:
            route.continue_()

    console.page.route("**/v1/copy-urls", answer)
    console.field("Select all").check()
    console.button("Move").click()
    for name in ("↑ One level up", "lots-to"):
        dialog(console).get_by_role("button", name=name, exact=True).click()
    dialog(console).get_by_role("button", name="Move here").click()
    expect(console.alert.first).to_contain_text("Your sign-in has expired.")
    console.page.unroute("**/v1/copy-urls")
    console.try_to_sign_in()
    left = console.page.locator(".toast.batch")
    expect(left).to_contain_text(re.compile(r"[01] of 4 files moved\. Your sign-in had ended\."))
