"""Files that are sent: as they are, one after another, and over nothing that is there already."""

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Route, expect

from tests.browser.console.house import (
    LARGE,
    LIMITED_KEY,
    Desk,
    large_file,
    text_file,
)

ODD: Final = "Ünïcode 😀 +%2F & 'quoted' #1.txt"


def test_a_small_file_arrives_as_it_is_with_its_type(desk: Desk) -> None:
    desk.sign_in()
    desk.field("Folder").fill("letters/2026")
    desk.upload(text_file("small.txt", b"dear reader"))
    desk.wait_until_sent("small.txt")
    assert desk.house.read("letters/2026/small.txt") == b"dear reader"
    head = desk.house.store.admin_client().head_object(
        Bucket=desk.house.store.bucket, Key="letters/2026/small.txt"
    )
    assert head["ContentType"] == "text/plain"
    expect(desk.page.get_by_role("status")).to_have_text("small.txt: Sent.")
    expect(desk.field("Object")).to_have_value("letters/2026/small.txt")


def test_any_name_is_kept_to_the_letter(desk: Desk) -> None:
    desk.sign_in()
    desk.field("Folder").fill("Öffentlich/")
    desk.upload(text_file(ODD, b"odd"))
    desk.wait_until_sent(ODD)
    assert desk.house.read(f"Öffentlich/{ODD}") == b"odd"


def test_several_files_are_uploaded_in_turn_even_an_empty_one(desk: Desk) -> None:
    desk.sign_in()
    names = ["one.txt", "empty.txt", "three.txt"]
    bodies = [b"1", b"", b"333"]
    desk.upload(*(text_file(name, body) for name, body in zip(names, bodies, strict=True)))
    for name, body in zip(names, bodies, strict=True):
        desk.wait_until_sent(name)
        assert desk.house.read(name) == body


@pytest.mark.parametrize(("name", "size"), [("kept.txt", 5), ("kept.bin", LARGE)])
def test_an_existing_object_is_replaced_only_on_request(
    desk: Desk, tmp_path: Path, name: str, size: int
) -> None:
    desk.house.put(name, b"first")
    file = large_file(tmp_path, name, size)
    desk.sign_in()
    desk.upload_from_disk(file)
    item = desk.item(name)
    expect(item.get_by_role("alert")).to_contain_text("An object with this name already exists.")
    assert desk.house.read(name) == b"first"
    assert desk.house.uploads(name) == []
    item.get_by_role("button", name="Replace").click()
    desk.wait_until_sent(name)
    assert desk.house.holds(name, file)


def test_who_asks_to_replace_is_not_asked_again(desk: Desk) -> None:
    desk.house.put("asked.txt", b"first")
    desk.sign_in()
    desk.page.get_by_label("Replace objects of the same name").check()
    desk.upload(text_file("asked.txt", b"second"))
    desk.wait_until_sent("asked.txt")
    assert desk.house.read("asked.txt") == b"second"


def test_who_may_not_replace_is_told_what_to_do(desk: Desk) -> None:
    desk.house.put("inbox/taken.txt", b"first")
    desk.sign_in(LIMITED_KEY)
    desk.upload(text_file("taken.txt"))
    item = desk.item("taken.txt")
    expect(item.get_by_role("alert")).to_contain_text("give the file another name")
    expect(item.get_by_role("button", name="Replace")).to_be_hidden()
    expect(item.get_by_role("button", name="Try again")).to_be_hidden()


def test_a_problem_is_shown_in_the_services_words(desk: Desk) -> None:
    refusal = {
        "type": "urn:presign:problem:limit_exceeded", "title": "No", "status": 403, "code": "x",
        "detail": "Your grant was changed meanwhile.", "request_id": "sentinel-id",
        "errors": [{"pointer": "#/content_length", "detail": "At most 1 byte."}],
    }  # fmt: skip
    desk.page.route("**/v1/upload-urls", lambda route: route.fulfill(status=403, json=refusal))
    desk.sign_in()
    desk.upload(text_file("refused.txt"))
    alert = desk.item("refused.txt").get_by_role("alert")
    expect(alert).to_contain_text("Your grant was changed meanwhile.")
    expect(alert).to_contain_text("content_length: At most 1 byte.")
    expect(alert).to_contain_text("Request sentinel-id")
    expect(alert).to_be_focused()
    desk.page.unroute("**/v1/upload-urls")
    desk.item("refused.txt").get_by_role("button", name="Try again").click()
    desk.wait_until_sent("refused.txt")


def test_who_writes_meanwhile_is_not_led_away(desk: Desk) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    desk.page.route("**/v1/upload-urls", hold)
    desk.sign_in()
    desk.upload(text_file("quiet.txt"))
    desk.field("Object").focus()
    while not held:
        desk.page.wait_for_timeout(50)
    held[0].fulfill(status=403, json={"detail": "No."})
    expect(desk.item("quiet.txt").get_by_role("alert")).to_contain_text("No.")
    expect(desk.field("Object")).to_be_focused()


def test_nothing_chosen_is_told(desk: Desk) -> None:
    desk.sign_in()
    desk.button("Upload").click()
    expect(desk.alert).to_have_text("Choose a file first.")
    expect(desk.alert).to_be_focused()


def test_files_can_be_dropped(desk: Desk) -> None:
    desk.sign_in()
    data = desk.page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['dropped'], 'd.txt')); return d }"
    )
    desk.page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    desk.button("Upload").click()
    desk.wait_until_sent("d.txt")
    assert desk.house.read("d.txt") == b"dropped"
