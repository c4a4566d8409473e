"""The page of a drop box: files are sent as they are, and what goes wrong is said in words."""

import os
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.axe import fits, violations
from tests.browser.console.harness import LIMITED_KEY, MIB, text_file
from tests.browser.links.conftest import Open, kept_to_itself
from tests.browser.links.harness import LinkPage, LinksHarness, open_link

NAMES: Final = (
    "two words.txt",
    "caf\u00e9 \U0001f600.txt",
    "e\u0301 apart.txt",  # a letter and its accent, as macOS has them
    "'single' \"double\".txt",
    "100% of it %2F+&#?;=.txt",
    "no extension",
    ".hidden",
)
LARGE: Final = 20 * 1024**2


def test_several_files_arrive_as_they_are(
    context: BrowserContext, links_of_each_store: LinksHarness
) -> None:
    links, prefix = links_of_each_store, "in/Ablage \u00e9/"
    opened = open_link(context, links, links.drop_box(prefix))
    files = {name: (name.encode() * 3, "text/plain") for name in NAMES}
    files["empty.txt"] = (b"", "text/plain")
    files["picture.png"] = (bytes(range(256)), "image/png")
    files["unknown"] = (b"?", "application/octet-stream")
    opened.choose(
        *(text_file(n, body, "" if n == "unknown" else kind) for n, (body, kind) in files.items())
    )
    for name in files:
        opened.wait_until_sent(name)
    assert links.received(prefix) == files
    kept_to_itself(opened)


def test_a_large_file_shows_its_progress(
    open_page: Open, links: LinksHarness, tmp_path: Path
) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(LARGE))
    opened = open_page(links.drop_box("large/"))
    links.gate.shut(after=MIB)
    opened.choose(file)
    links.gate.wait_until_held()
    item = opened.item("large.bin")
    expect(item).to_contain_text("of 20 MB")
    expect(item.get_by_role("progressbar", name="large.bin")).to_be_visible()
    # The page's policy forbids `wait_for_function`.
    expect(item).to_contain_text(re.compile(r"Sending · [1-9]\d? % "))
    assert 0 < item.get_by_role("progressbar").evaluate("(bar) => bar.value") < 1
    links.gate.open()
    opened.wait_until_sent("large.bin")
    expect(item.get_by_role("progressbar")).to_be_hidden()
    assert links.received("large/")["large.bin"][0] == file.read_bytes()


def test_files_can_be_dropped(open_page: Open, links: LinksHarness) -> None:
    opened = open_page(links.drop_box("dropped/"))
    data = opened.page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['1'], 'one.txt'));"
        " d.items.add(new File(['2'], 'two.txt')); return d }"
    )
    for event in ("dragover", "drop"):
        opened.page.dispatch_event("#drop", event, {"dataTransfer": data})
    for name in ("one.txt", "two.txt"):
        opened.wait_until_sent(name)
    assert {n: body for n, (body, _) in links.received("dropped/").items()} == {
        "one.txt": b"1",
        "two.txt": b"2",
    }


def test_a_file_dropped_beside_the_box_does_not_leave_the_page(
    open_page: Open, links: LinksHarness
) -> None:
    opened = open_page(links.drop_box("beside/"))
    kept = opened.page.evaluate(
        "['dragover', 'drop'].map((name) => !document.body.dispatchEvent("
        "new DragEvent(name, { bubbles: true, cancelable: true })))"
    )
    assert kept == [True, True]


def test_the_same_file_twice_replaces_nothing(open_page: Open, links: LinksHarness) -> None:
    box = links.create(
        prefix="twice/", operations=["upload"], label="Ann & Co", message="Two files,\nplease"
    )
    opened = open_page(box)
    expect(opened.page.get_by_role("heading")).to_have_text("Files for Ann & Co")
    expect(opened.page.get_by_text("Two files,")).to_be_visible()
    done = opened.page.get_by_text("Done. You can close this page.", exact=True)
    expect(done).to_be_hidden()
    for body in (b"first", b"second"):
        opened.choose(text_file("same.txt", body))
        expect(opened.page.get_by_text("Sent", exact=True)).to_have_count(1 + (body == b"second"))
        expect(done).to_be_visible()
    admin = links.store.admin_client()
    listed = admin.list_objects_v2(Bucket=links.store.bucket, Prefix="twice/")["Contents"]
    assert len({each["Key"].rpartition("/")[0] for each in listed}) == 1  # one visit, one folder
    assert {name: body for name, (body, _) in links.received("twice/").items()} == {
        "same.txt": b"first",
        "same (2).txt": b"second",
    }


def test_a_cancelled_file_is_not_stored_until_tried_again(
    open_page: Open, links: LinksHarness, tmp_path: Path
) -> None:
    file = tmp_path / "cancelled.bin"
    file.write_bytes(os.urandom(LARGE))
    opened = open_page(links.drop_box("cancelled-drop/"))
    links.gate.shut(after=MIB)
    opened.choose(file)
    links.gate.wait_until_held()
    opened.button("Cancel").click()
    item = opened.item("cancelled.bin")
    expect(item).to_contain_text("Cancelled")
    expect(item).to_be_focused()
    links.gate.open()
    assert links.received("cancelled-drop/") == {}
    opened.button("Try again").click()
    opened.wait_until_sent("cancelled.bin")
    assert links.received("cancelled-drop/")["cancelled.bin"][0] == file.read_bytes()


def test_leaving_is_asked_about_only_while_files_are_sent(
    open_page: Open, links: LinksHarness
) -> None:
    opened = open_page(links.drop_box("leaving/"))
    links.gate.shut()
    opened.choose(text_file("leaving.bin", os.urandom(MIB)))
    links.gate.wait_until_held()
    assert asks_before_leaving(opened)
    links.gate.open()
    opened.wait_until_sent("leaving.bin")
    assert not asks_before_leaving(opened)


def asks_before_leaving(opened: LinkPage) -> bool:
    is_free: bool = opened.page.evaluate(
        "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    )
    return not is_free


def test_it_is_used_by_keyboard_and_announces_what_happened(
    open_page: Open, links: LinksHarness
) -> None:
    opened = open_page(links.drop_box("typed/"))
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.type("Ann/Smith")
    opened.page.keyboard.press("Tab")
    expect(opened.page.get_by_label("Files", exact=True)).to_be_focused()
    with opened.page.expect_file_chooser() as chosen:
        # A round trip: Playwright does not wait until Chromium intercepts choosers.
        expect(opened.page.get_by_label("Files", exact=True)).to_be_focused()
        opened.page.keyboard.press("Space")
    chosen.value.set_files([text_file("by keyboard.txt")])
    opened.wait_until_sent("by keyboard.txt")
    expect(opened.page.get_by_role("status")).to_have_text(
        "by keyboard.txt: Sent. Done. You can close this page."
    )
    admin = links.store.admin_client()
    [sent] = admin.list_objects_v2(Bucket=links.store.bucket, Prefix="typed/")["Contents"]
    day, key = f"{sent['LastModified']:%Y-%m-%d}", sent["Key"]
    assert re.fullmatch(rf"typed/{day} Ann Smith [0-9a-f]{{12}}/{day} by keyboard\.txt", key)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing_in_any_state(
    chromium: Any, links: LinksHarness, scheme: Any, width: int
) -> None:
    with chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    ) as context:
        opened = open_link(context, links, links.drop_box("limited/axe/", LIMITED_KEY))
        assert violations(opened.page) == []
        opened.choose(
            text_file("good.txt"),
            text_file("page.html", b"x", "text/html"),
            text_file("x" * 200 + ".txt"),
        )
        opened.wait_until_sent("good.txt")
        expect(opened.error_of("page.html")).to_be_visible()
        assert violations(opened.page) == []
        assert fits(opened.page)
