"""For everybody: with a keyboard, a screen reader, in the dark, on a phone, without motion."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import fits, violations_in_light_and_dark
from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.harness import (
    LISTER_KEY,
    PATIENCE,
    ConsolePage,
    Harness,
    check_first_paint,
    choose,
    first_held,
    hold,
    open_console,
    text_file,
)
from tests.browser.console.test_browsing import UNDO_MS
from tests.support.late import again_if_late
from tests.support.service import API_KEY

FINDING: Final = {
    "code": "expired", "proven": True, "summary": "It ran out.", "fix": "Ask for another.",
}  # fmt: skip


# While axe looks, which takes seconds, the time for an Undo does not end.
LONG_UNDO: Final = f"""
const real = window.setTimeout;
window.setTimeout = (act, after, ...more) => real(act, after === {UNDO_MS} ? 1e9 : after, ...more);
"""


@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing_in_any_state(chromium: Browser, harness: Harness, width: int) -> None:
    with chromium.new_context(viewport={"width": width, "height": 800}, bypass_csp=True) as context:
        context.add_init_script(f"{{{LONG_UNDO}}}")
        context.route("**/v1/diagnoses", lambda route: route.fulfill(json={"findings": [FINDING]}))
        opened = open_console(context, harness)
        assert violations_in_light_and_dark(opened.page) == []
        opened.button("Sign in").click()
        assert violations_in_light_and_dark(opened.page) == []
        opened.try_to_sign_in()
        expect(opened.heading).to_have_text("Your buckets")
        assert violations_in_light_and_dark(opened.page) == []
        opened.follow("objects")
        fill(opened, f"{width} wide")
        assert violations_in_light_and_dark(opened.page) == []
        opened.button("Undo").click()
        opened.tool("Show code")
        assert violations_in_light_and_dark(opened.page) == []
        assert fits(opened.page)
        opened.tool("Hide code")
        opened.button("Tools").click()
        assert violations_in_light_and_dark(opened.page) == []
        opened.page.keyboard.press("Escape")
        opened.tool("Keyboard")
        assert violations_in_light_and_dark(opened.page) == []
        assert fits(opened.page)
        opened.page.keyboard.press("Escape")
        opened.tool("Your access")
        assert violations_in_light_and_dark(opened.page) == []
        opened.page.keyboard.press("Escape")
        opened.button(f"{width} wide.txt").click()
        expect(opened.page.get_by_role("dialog", name="Preview").locator("pre")).to_be_visible()
        assert violations_in_light_and_dark(opened.page) == []
        opened.page.keyboard.press("Escape")
        show_versions(opened, f"axe {width}")
        assert violations_in_light_and_dark(opened.page) == []
        assert fits(opened.page)


def fill(opened: ConsolePage, name: str) -> None:
    """Something of each kind: uploads, a folder, a link with its code, a deletion, a finding."""
    opened.new_folder(f"axe {name}")
    expect(opened.page.get_by_text("This folder is empty")).to_be_visible()
    assert violations_in_light_and_dark(opened.page) == []
    opened.upload(text_file(f"{name}.txt"), text_file("away.txt"))
    if name == "360 wide":  # on a phone
        opened.button("Show list").wait_for()
        assert violations_in_light_and_dark(opened.page) == []
        opened.button("Show list").click()
    opened.wait_until_sent(f"{name}.txt")
    opened.wait_until_sent("away.txt")
    opened.upload(text_file(f"{name}.txt", b"again"))
    question = opened.page.get_by_role("dialog", name="This name is taken")
    expect(question).to_be_visible()
    assert violations_in_light_and_dark(opened.page) == []
    question.get_by_role("button", name="Skip").click()
    opened.upload(text_file("x" * 1100))
    opened.share()
    opened.page.get_by_text("Get files from others").click()
    opened.page.get_by_text("Names for the recipient (optional)").click()
    assert violations_in_light_and_dark(opened.page) == []
    opened.link(f"axe {name}/{name}.txt")
    opened.button("Show QR code").click()
    assert violations_in_light_and_dark(opened.page) == []
    assert fits(opened.page)
    opened.close_drawer()
    opened.tool("Troubleshoot")
    opened.page.get_by_text("Add details (optional)").click()
    opened.field("URL or curl command").fill("https://store.example/a?X-Amz-Signature=0")
    opened.button("Diagnose").click()
    opened.page.get_by_text("It ran out.").wait_for()
    assert violations_in_light_and_dark(opened.page) == []
    assert fits(opened.page)
    opened.page.keyboard.press("Escape")
    opened.act("away.txt", "Delete")
    expect(opened.button("Undo")).to_be_visible()  # on a phone it covers what is below it


def show_versions(opened: ConsolePage, folder: str) -> None:
    """A deleted file in the list, and the versions of another, one of which is being deleted."""
    admin, bucket = opened.harness.admin, opened.harness.store.versioned_bucket
    for name in ("a.txt", "a.txt", "deleted.txt"):
        admin.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=b"a")
    for name in ("deleted.txt", "a.txt"):
        admin.delete_object(Bucket=bucket, Key=f"{folder}/{name}")
    for name in ("a.txt", "a.txt"):
        admin.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=b"a")
    opened.page.get_by_role("link", name="All files").click()
    opened.follow("versions", folder)
    opened.field("Show deleted files").check()
    expect(opened.row("deleted.txt").get_by_role("button", name="Restore")).to_be_visible()
    assert violations_in_light_and_dark(opened.page) == []
    assert fits(opened.page)
    opened.act("a.txt", "Versions")
    dialog = opened.page.get_by_role("dialog", name="Versions")
    expect(dialog.get_by_role("button", name="Delete")).to_have_count(4)
    dialog.get_by_role("button", name="Delete").last.click()
    expect(dialog.get_by_role("button", name="Undo").last).to_be_focused()


def test_all_of_it_is_done_without_a_mouse(console: ConsolePage, tmp_path: Path) -> None:
    keyboard = console.page.keyboard
    file = tmp_path / "by keyboard.txt"
    file.write_text("typed")

    def press(key: str, on: str, *, backwards: bool = False) -> None:
        to(console, on, backwards=backwards)
        keyboard.press(key)

    to(console, "API key or token")
    keyboard.type(API_KEY)
    keyboard.press("Enter")
    expect(console.heading).to_be_focused()
    press("Enter", on="objects")
    expect(console.heading).to_have_text("objects")
    press("Enter", on="New folder")
    keyboard.type("keys")
    keyboard.press("Enter")
    expect(console.heading).to_have_text("keys")
    with console.page.expect_file_chooser() as chosen:
        # Playwright does not wait until Chromium intercepts choosers, and a key can be faster.
        # The round trips of `to` come after it: without them one press in 15 is lost.
        press("Space", on="Upload")
    chosen.value.set_files(file)
    console.wait_until_sent("by keyboard.txt")
    assert console.harness.read("keys/by keyboard.txt") == b"typed"
    expect(console.row("by keyboard.txt")).to_be_visible()
    press("Enter", on="by keyboard.txt")
    expect(console.page.get_by_role("dialog", name="Preview").locator("pre")).to_have_text("typed")
    keyboard.press("Escape")
    press("Enter", on="More")
    keyboard.press("s")
    keyboard.press("Enter")
    expect(console.field("Valid for")).to_be_focused()
    press("Enter", on="Create link")
    expect(console.links.first.get_by_role("button", name="Copy", exact=True)).to_be_focused()
    keyboard.press("Escape")  # closes the drawer
    expect(console.row("by keyboard.txt").get_by_role("button", name="More")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Escape")
    expect(console.row("by keyboard.txt").get_by_role("button", name="More")).to_be_focused()
    for key in ("Enter", "ArrowUp", "Enter"):  # the last one, which is Delete
        keyboard.press(key)
    expect(console.button("Undo")).to_be_focused()
    keyboard.press("Enter")
    expect(console.row("by keyboard.txt")).to_be_visible()
    expect(console.heading).to_be_focused()
    press("Enter", on="Tools", backwards=True)
    keyboard.press("End")  # Show code
    keyboard.press("Enter")
    press("ArrowRight", on="curl")
    expect(console.page.locator("#upload-code").get_by_role("radio", name="Python")).to_be_checked()
    press("Space", on="Copy code")
    expect(console.page.get_by_role("status")).to_have_text("Copied.")
    press("Enter", on="Sign out", backwards=True)
    expect(console.field("API key or token")).to_be_focused()


def test_a_question_mark_in_the_list_shows_the_keys(console: ConsolePage) -> None:
    console.harness.put("card of keys/keys card.txt", b"k")
    console.sign_in()
    console.follow("card of keys")
    card = console.page.get_by_role("dialog", name="Keyboard", exact=True)
    console.field("Filter").press("?")  # which is text there
    expect(card).to_be_hidden()
    console.field("Filter").fill("")
    console.button("Upload").focus()
    console.page.keyboard.press("?")  # who dictates may say it by chance
    expect(card).to_be_hidden()
    shown = console.button("keys card.txt")
    shown.press("?")
    for key in ("F2", "Space", "Ctrl", "Esc"):
        expect(card.get_by_text(key, exact=True)).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(shown).to_be_focused()


def to(console: ConsolePage, name: str, *, backwards: bool = False) -> None:
    """Press Tab until the focus is on the control of this name."""
    for _ in range(60):
        if console.page.evaluate(NAME_OF_FOCUSED) == name:
            return
        console.page.keyboard.press("Shift+Tab" if backwards else "Tab")
    raise AssertionError(f"no Tab leads to {name}")


NAME_OF_FOCUSED: Final = """() => {
  const focused = document.activeElement;
  return focused.ariaLabel ?? (focused.labels?.[0] ?? focused).textContent.trim();
}"""


def test_the_control_with_the_focus_can_be_seen(console: ConsolePage) -> None:
    console.harness.put("seen/seen.txt", b"seen")
    console.sign_in()
    console.follow("seen")  # in a folder of many files, Tab takes long to get past them
    expect(console.row("seen.txt")).to_be_visible()
    for name in ("Upload", "Share", "Filter", "Size", "Download", "File to share", "Create link"):
        if name == "File to share":
            console.share()
        to(console, name)
        width = console.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert float(width.removesuffix("px")) >= 2


def test_the_bar_of_many_files_covers_no_focused_control(console: ConsolePage) -> None:
    for number in range(30):
        console.harness.put(f"behind/{number:02}.txt", b"x")
    console.page.set_viewport_size({"width": 1280, "height": 600})
    console.sign_in()
    console.follow("behind")
    console.button("29.txt").focus()
    for _ in range(20):
        console.page.keyboard.press("ArrowUp")
        assert console.page.evaluate("""() => {
          const [bar, focused] = [document.querySelector("#selecting"), document.activeElement];
          return bar.getBoundingClientRect().bottom <= focused.getBoundingClientRect().top;
        }""")


def test_a_row_that_goes_leaves_the_focus_to_its_folder(console: ConsolePage) -> None:
    for key in ("goes/a.txt", "goes/there/b.txt"):
        console.harness.put(key, b"x")
    console.sign_in()
    console.follow("goes")
    choose(console.row("a.txt"), "Move")
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_role("button", name="there", exact=True).click()
    dialog.get_by_role("button", name="Move here").click()
    expect(console.row("a.txt")).to_be_hidden()
    expect(console.heading).to_be_focused()


def test_a_rename_that_ends_leaves_the_focus_to_who_types(console: ConsolePage) -> None:
    console.harness.put("typing/old/a.txt", b"x")
    console.sign_in()
    console.follow("typing")
    held = hold(console.page, "**/v1/delete-urls")
    choose(console.row("old"), "Rename")
    console.field("New name").fill("new")
    console.field("New name").press("Enter")
    route = first_held(console.page, held)
    words = console.page.get_by_role("searchbox", name="Filter")
    words.fill("new")
    route.continue_()
    expect(console.page.locator(".toast")).to_contain_text("1 file renamed.")
    expect(console.row("new")).to_be_visible()
    expect(words).to_be_focused()


def test_what_happens_is_announced_once(console: ConsolePage) -> None:
    page = console.page
    page.evaluate("""() => {
      window.said = [];
      new MutationObserver(() => said.push(document.querySelector('[role=status]').textContent))
        .observe(document.querySelector('[role=status]'), {childList: true});
    }""")
    console.sign_in(LISTER_KEY)
    console.upload(*(text_file(f"said-{number}.txt") for number in range(20)))
    # Several are sent at once, and any may be the last.
    expect(page.get_by_role("status")).to_have_text("20 files uploaded.", timeout=3 * PATIENCE)
    console.link("said-1.txt")
    console.links.first.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    chosen, uploaded, ready, copied = page.evaluate("said")  # and no word of each second or file
    assert (chosen, uploaded, copied) == ("20 files chosen.", "20 files uploaded.", "Copied.")
    assert re.match(r"Link copied\. It expires in 1[45] min", ready)


@pytest.mark.parametrize(("motion", "moves"), [("no-preference", True), ("reduce", False)])
def test_nothing_moves_if_no_motion_is_wanted(
    chromium: Browser, harness: Harness, motion: Any, moves: bool
) -> None:
    with chromium.new_context(reduced_motion=motion) as context:
        opened = open_console(context, harness)
        style = "getComputedStyle(document.querySelector('button'))"
        assert (opened.page.evaluate(f"{style}.transitionDuration") != "0s") is moves
        kept_to_itself(opened)


@again_if_late
def test_the_first_paint_needs_little(console: ConsolePage) -> None:
    check_first_paint(console)


def test_a_phone_has_all_actions(chromium: Browser, harness: Harness) -> None:
    phone: Any = {"width": 360, "height": 740}
    with chromium.new_context(viewport=phone, has_touch=True, is_mobile=True) as context:
        opened = open_console(context, harness)
        harness.put("phone/photo-with-a-long-name-that-needs-two-lines-or-more.txt", b"p")
        opened.sign_in()
        opened.follow("phone")
        row = opened.files.get_by_role("row").filter(has_text="photo-with")
        expect(row.get_by_role("button", name="Download")).to_be_visible()
        row.get_by_role("button", name="More", exact=True).click()
        for name in ("Copy link", "Share", "Versions", "Delete"):
            box = opened.page.get_by_role("menuitem", name=name).bounding_box()
            assert box is not None
            assert box["width"] >= 24  # pixels: WCAG 2.2, target size
            assert box["x"] + box["width"] <= phone["width"]
        assert fits(opened.page)
