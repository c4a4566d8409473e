"""Uploads that a closed tab interrupted: another tab lists them, and goes on with the same file."""

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.console.harness import (
    MIB,
    PART,
    READER_KEY,
    ConsolePage,
    first_held,
    hold,
    large_file,
    let_token_expire,
    open_console,
    text_file,
)
from tests.support.socket_server import wait_until

SIZE: Final = 8 * PART  # more than the network holds on its way
HOLD_LOCKS: Final = """() => {
  const answered = new Promise((resolve) => (window.answer = () => resolve({})));
  navigator.locks.query = () => answered.finally(() => (window.hasAnswered = true));
}"""
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


def all_files(console: ConsolePage) -> None:
    console.page.get_by_role("link", name="All files").click()
    expect(console.heading).to_have_text("Your buckets")


def resume(console: ConsolePage, name: str, *files: Path) -> None:
    """Choose these files for the interrupted upload."""
    item = console.item(name)
    expect(item).to_contain_text(INTERRUPTED)
    with console.page.expect_file_chooser() as chooser:
        item.get_by_role("button", name="Resume").click()
    chooser.value.set_files(files)


@pytest.mark.parametrize("folder", ["All files", "the folder"])
def test_an_upload_goes_on_after_a_reload(
    gated_console: ConsolePage, tmp_path: Path, folder: str
) -> None:
    console, gate = gated_console, gated_console.harness.way
    name = f"from {folder}.bin"
    file = large_file(tmp_path, name, SIZE)
    there = interrupt(console, file)
    console.try_to_sign_in()
    expect(console.heading).to_have_text("films")  # as before
    if folder == "All files":
        all_files(console)
    before = gate.passed
    resume(console, name, file)
    console.wait_until_sent(name)
    assert console.harness.holds(f"films/{name}", file)
    assert gate.passed - before < SIZE - there * PART + 2 * MIB
    assert console.harness.uploads(f"films/{name}") == []
    console.page.reload()
    console.sign_in()
    expect(console.item(name)).to_have_count(0)


def test_only_the_interrupted_file_resumes_an_upload(
    gated_console: ConsolePage, tmp_path: Path
) -> None:
    console, name = gated_console, "mine.bin"
    file = large_file(tmp_path, name, SIZE)
    interrupt(console, file)
    console.try_to_sign_in()
    all_files(console)
    other = large_file(tmp_path, "other.bin", MIB)
    resume(console, name, other)
    expect(console.alert.filter(visible=True)).to_have_text(
        "This is another file. Choose mine.bin (64 MB) to continue."
    )
    resume(console, name, other, file)
    console.wait_until_sent(name)
    assert console.harness.holds(f"films/{name}", file)
    expect(console.alert.filter(visible=True)).to_have_text("Open a folder first.")
    assert not console.harness.has("other.bin")


def test_the_row_that_was_resumed_goes_on(gated_console: ConsolePage, tmp_path: Path) -> None:
    """Another interrupted file has the same name and size."""
    console, gate = gated_console, gated_console.harness.way
    folder = tmp_path / "twins"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        large_file(folder / name, "twin.bin")
    console.sign_in()
    gate.shut(after=MIB)
    console.field("Folder").set_input_files(folder)
    gate.wait_until_held(4)  # at most three parts of each: both are sent, and have been noted
    console.page.once("dialog", lambda dialog: dialog.accept())
    console.page.reload()
    gate.cut()
    gate.open()
    console.try_to_sign_in()
    for name in ("b", "a"):
        resume(console, f"twins/{name}/twin.bin", folder / name / "twin.bin")
        console.wait_until_sent(f"twins/{name}/twin.bin")
        assert console.harness.holds(f"twins/{name}/twin.bin", folder / name / "twin.bin")


def test_a_list_of_interrupted_uploads_ends_with_the_sign_in(
    gated_console: ConsolePage, tmp_path: Path
) -> None:
    console, name = gated_console, "listed late.bin"
    interrupt(console, large_file(tmp_path, name, SIZE))
    console.page.evaluate(HOLD_LOCKS)
    console.try_to_sign_in()
    expect(console.heading).to_have_text("films")
    console.button("Sign out").click()
    console.page.evaluate("() => window.answer()")
    wait_until(lambda: console.page.evaluate("window.hasAnswered === true"))
    console.page.wait_for_timeout(500)
    expect(console.item(name)).to_have_count(0)


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
    wait_until(lambda: console.harness.uploads(f"films/{name}") == [])


def test_another_tab_leaves_an_upload_that_goes_on_alone(
    gated_console: ConsolePage, tmp_path: Path
) -> None:
    console, gate = gated_console, gated_console.harness.way
    file = large_file(tmp_path, "two tabs.bin", SIZE)
    console.sign_in()
    gate.shut(after=PART)
    console.upload(file)
    gate.wait_until_held(2)
    other = open_console(console.page.context, console.harness)
    other.sign_in()
    other.page.wait_for_timeout(500)  # until it has looked for uploads
    expect(other.item("two tabs.bin")).to_have_count(0)
    console.page.once("dialog", lambda dialog: dialog.accept())
    console.page.reload()  # now no tab goes on with it
    gate.cut()
    gate.open()
    other.page.reload()
    other.try_to_sign_in()
    resume(other, "two tabs.bin", file)
    other.wait_until_sent("two tabs.bin")
    assert other.harness.holds("two tabs.bin", file)


def test_an_upload_that_is_finished_outlives_the_token(
    console: ConsolePage, tmp_path: Path
) -> None:
    file = large_file(tmp_path, "finished twice.bin")
    console.sign_in()
    held = hold(console.page, "**/complete")
    console.upload(file)
    first_held(console.page, held)
    let_token_expire(console)
    console.page.unroute("**/complete")
    console.sign_in()
    console.wait_until_sent("finished twice.bin")
    assert console.harness.holds("finished twice.bin", file)
