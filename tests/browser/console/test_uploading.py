"""Files that are sent: as they are, one after another, and over nothing that is there already."""

from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from tests.browser.console.harness import (
    LARGE,
    LIMITED_KEY,
    ConsolePage,
    hold,
    large_file,
    refuse,
    text_file,
)

ODD: Final = "Ünïcode 😀 +%2F & 'quoted' #1.txt"


@pytest.mark.parametrize(("folder", "name"), [("letters/2026", "small.txt"), ("Öffentlich", ODD)])
def test_a_file_arrives_as_it_is_under_its_name_with_its_type(
    console: ConsolePage, folder: str, name: str
) -> None:
    key = f"{folder}/{name}"
    console.sign_in()
    console.field("Folder").fill(folder)
    console.upload(text_file(name, b"dear reader"))
    console.wait_until_sent(name)
    assert console.harness.read(key) == b"dear reader"
    assert console.harness.type_of(key) == "text/plain"
    expect(console.page.get_by_role("status")).to_have_text(f"{name}: Sent.")
    expect(console.field("Object")).to_have_value(key)


def test_several_files_are_uploaded_in_turn_even_an_empty_one(console: ConsolePage) -> None:
    console.sign_in()
    files = {"one.txt": b"1", "empty.txt": b"", "three.txt": b"333"}
    console.upload(*(text_file(name, body) for name, body in files.items()))
    for name, body in files.items():
        console.wait_until_sent(name)
        assert console.harness.read(name) == body


@pytest.mark.parametrize(("name", "size"), [("kept.txt", 5), ("kept.bin", LARGE)])
def test_an_existing_object_is_replaced_only_on_request(
    console: ConsolePage, tmp_path: Path, name: str, size: int
) -> None:
    console.harness.put(name, b"first")
    file = large_file(tmp_path, name, size)
    console.sign_in()
    console.upload(file)
    item = console.item(name)
    expect(item.get_by_role("alert")).to_contain_text("An object with this name already exists.")
    assert console.harness.read(name) == b"first"
    assert console.harness.uploads(name) == []
    item.get_by_role("button", name="Replace").click()
    console.wait_until_sent(name)
    assert console.harness.holds(name, file)


def test_who_asks_to_replace_is_not_asked_again(console: ConsolePage) -> None:
    console.harness.put("asked.txt", b"first")
    console.sign_in()
    console.page.get_by_label("Replace objects of the same name").check()
    console.upload(text_file("asked.txt", b"second"))
    console.wait_until_sent("asked.txt")
    assert console.harness.read("asked.txt") == b"second"


def test_who_may_not_replace_is_told_what_to_do(console: ConsolePage) -> None:
    console.harness.put("inbox/taken.txt", b"first")
    console.sign_in(LIMITED_KEY)
    console.upload(text_file("taken.txt"))
    item = console.item("taken.txt")
    expect(item.get_by_role("alert")).to_contain_text("give the file another name")
    expect(item.get_by_role("button", name="Replace")).to_be_hidden()
    expect(item.get_by_role("button", name="Try again")).to_be_hidden()


def test_a_problem_is_shown_in_the_services_words(console: ConsolePage) -> None:
    more: dict[str, Any] = {
        "request_id": "sentinel-id",
        "errors": [{"pointer": "#/content_length", "detail": "At most 1 byte."}],
    }
    detail = "Your grant was changed meanwhile."
    console.page.route("**/v1/upload-urls", lambda r: refuse(r, 403, detail, "x", **more))
    console.sign_in()
    console.upload(text_file("refused.txt"))
    alert = console.item("refused.txt").get_by_role("alert")
    expect(alert).to_contain_text("Your grant was changed meanwhile.")
    expect(alert).to_contain_text("content_length: At most 1 byte.")
    expect(alert).to_contain_text("Request sentinel-id")
    expect(alert).to_be_focused()
    console.page.unroute("**/v1/upload-urls")
    console.item("refused.txt").get_by_role("button", name="Try again").click()
    console.wait_until_sent("refused.txt")


def test_who_writes_meanwhile_is_not_led_away(console: ConsolePage) -> None:
    held = hold(console.page, "**/v1/upload-urls")
    console.sign_in()
    console.upload(text_file("quiet.txt"))
    console.field("Object").focus()
    while not held:
        console.page.wait_for_timeout(50)
    refuse(held[0], 403, "No.")
    expect(console.item("quiet.txt").get_by_role("alert")).to_contain_text("No.")
    expect(console.field("Object")).to_be_focused()


def test_nothing_chosen_is_told(console: ConsolePage) -> None:
    console.sign_in()
    console.button("Upload").click()
    expect(console.alert).to_have_text("Choose a file first.")
    expect(console.alert).to_be_focused()


def test_files_can_be_dropped(console: ConsolePage) -> None:
    console.sign_in()
    data = console.page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['dropped'], 'd.txt')); return d }"
    )
    console.page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    console.button("Upload").click()
    console.wait_until_sent("d.txt")
    assert console.harness.read("d.txt") == b"dropped"
