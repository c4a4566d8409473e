"""Uploads that a closed tab interrupted: another tab lists them, and goes on with the same file."""

from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from tests.browser.console.harness import (
    MIB,
    PART,
    READER_KEY,
    ConsolePage,
    large_file,
    text_file,
)
from tests.support.socket_server import wait_until

SIZE: Final = 8 * PART  # more than the network holds on its way
NAME: Final = "resumed.bin"
INTERRUPTED: Final = "Interrupted: choose this file again to continue"


def interrupt(console: ConsolePage, file: Path) -> int:
    """Reload the page while parts are sent. Return how many parts the store has."""
    gate = console.harness.way
    console.sign_in()
    console.new_folder("films")
    gate.shut(after=2 * PART + MIB)
    console.upload(file)
    gate.wait_until_held(3)
    console.page.once("dialog", lambda dialog: dialog.accept())
    console.page.reload()
    gate.cut()
    gate.open()
    [upload] = console.harness.uploads(f"films/{file.name}")
    listed = console.harness.admin.list_parts(
        Bucket=console.harness.store.bucket, Key=f"films/{file.name}", UploadId=upload["UploadId"]
    )
    return len(listed.get("Parts", []))


def test_an_upload_goes_on_after_a_reload(gated_console: ConsolePage, tmp_path: Path) -> None:
    console, gate = gated_console, gated_console.harness.way
    file = large_file(tmp_path, NAME, SIZE)
    there = interrupt(console, file)
    console.sign_in()
    item = console.item(NAME)
    expect(item).to_contain_text(INTERRUPTED)
    before = gate.passed
    with console.page.expect_file_chooser() as chooser:
        item.get_by_role("button", name="Resume").click()
    chooser.value.set_files(file)
    console.wait_until_sent(NAME)
    assert console.harness.holds(f"films/{NAME}", file)
    assert gate.passed - before < SIZE - there * PART + 2 * MIB
    assert console.harness.uploads(f"films/{NAME}") == []
    console.page.reload()
    console.sign_in()
    expect(console.item(NAME)).to_have_count(0)


def test_an_interrupted_upload_can_be_given_up(gated_console: ConsolePage, tmp_path: Path) -> None:
    console, name = gated_console, "given-up.bin"
    interrupt(console, large_file(tmp_path, name, SIZE))
    console.sign_in(READER_KEY)
    expect(console.item(name)).to_have_count(0)  # it is another caller's
    console.button("Sign out").click()
    console.sign_in()
    console.upload(text_file(name))  # of another size, so it is another file
    console.wait_until_sent(name)
    item = console.item(name).filter(has_text=INTERRUPTED)
    item.get_by_role("button", name="Cancel").click()
    expect(item).to_have_count(0)
    wait_until(lambda: console.harness.uploads(f"films/{name}") == [], 10)
