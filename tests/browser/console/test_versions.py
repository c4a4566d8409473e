"""The versions of a file: listed, downloaded, restored, deleted for good; and deleted files, restored."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.console.harness import (
    LOOKER_KEY,
    PLAIN_KEY,
    ConsolePage,
    Harness,
    choose,
    first_held,
    hold,
    refuse,
    stop_clock,
    text_file,
)
from tests.browser.console.test_browsing import HOSTILE, SHOWN, UNDO_MS

SHOW: Final = "Show deleted files"


class Kept:
    """What is in the versioned bucket, as root sees it."""

    def __init__(self, harness: Harness) -> None:
        self.admin = harness.admin
        self.bucket = harness.store.versioned_bucket

    def put(self, key: str, *bodies: bytes) -> list[str]:
        """Return the ids of the versions, the oldest first."""
        place = {"Bucket": self.bucket, "Key": key}
        return [self.admin.put_object(**place, Body=body)["VersionId"] for body in bodies]

    def remove(self, key: str) -> None:
        self.admin.delete_object(Bucket=self.bucket, Key=key)

    def read(self, key: str) -> bytes:
        body: bytes = self.admin.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def has_object(self, key: str) -> bool:
        listed = self.admin.list_objects_v2(Bucket=self.bucket, Prefix=key)
        return any(each["Key"] == key for each in listed.get("Contents", []))

    def ids(self, key: str) -> list[str]:
        """Those of its versions, without the delete markers."""
        listed = self.admin.list_object_versions(Bucket=self.bucket, Prefix=key)
        return [each["VersionId"] for each in listed.get("Versions", []) if each["Key"] == key]


@pytest.fixture(name="kept")
def _kept(harness: Harness) -> Kept:
    return Kept(harness)


@pytest.fixture(name="watched", autouse=True)
def _watched(console: ConsolePage) -> Iterator[None]:
    """No signed URL is left in the page."""
    yield
    assert "X-Amz-Signature" not in console.page.content()


def enter(console: ConsolePage, folder: str, *, with_deleted: bool = False) -> None:
    console.sign_in(bucket="versions")
    if with_deleted:  # without it, a folder of deleted files only is not listed
        console.field(SHOW).check()
    console.follow(folder)


def dialog(console: ConsolePage) -> Locator:
    return console.page.get_by_role("dialog", name="Versions", exact=True)


def versions(console: ConsolePage) -> Locator:
    """The rows of the open dialog, the newest first."""
    rows = dialog(console).get_by_role("list", name="Versions of this file")
    return rows.get_by_role("listitem").filter(visible=True)


def wait(console: ConsolePage) -> None:
    """Until a deletion can no longer be undone, and is done."""
    with console.page.expect_response(lambda answer: answer.request.method == "DELETE"):
        console.page.clock.run_for(UNDO_MS + 500)


def test_an_older_version_is_downloaded_and_restored(
    console: ConsolePage, kept: Kept, tmp_path: Path
) -> None:
    kept.put("older/a b.txt", b"the first", b"second")
    enter(console, "older")
    console.act("a b.txt", "Versions")
    expect(versions(console)).to_have_count(2)
    expect(versions(console).first).to_contain_text("6 bytesCurrent")
    expect(versions(console).last).to_contain_text("9 bytes")
    expect(versions(console).last.get_by_text("Current")).to_be_hidden()
    with console.page.expect_download() as downloaded:
        versions(console).last.get_by_role("button", name="Download").click()
    assert downloaded.value.suggested_filename == "a b.txt"
    downloaded.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == b"the first"
    assert_is_restored_once(console, kept, "older/a b.txt", b"the first")
    console.page.keyboard.press("Escape")
    expect(console.row("a b.txt")).to_contain_text("9 bytes")


def assert_is_restored_once(
    console: ConsolePage, kept: Kept, key: str, body: bytes, count: int = 2
) -> None:
    """Of `count` versions the one that can be, after a refusal and by a double click."""
    asked: list[str] = []
    restore = versions(console).get_by_role("button", name="Restore")
    expect(restore).to_have_count(1)
    console.page.route("**/v1/copy-urls", lambda route: refuse(route, 422, "No session may."))
    restore.click()
    alert = dialog(console).get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text("The version was not restored.No session may.")
    console.page.unroute("**/v1/copy-urls")
    console.page.on("request", lambda request: asked.append(request.url))
    restore.dblclick()
    expect(versions(console)).to_have_count(count + 1)
    expect(dialog(console).get_by_role("status")).to_have_text("Restored.")
    expect(versions(console).first).to_contain_text(f"{len(body)} bytesCurrent")
    expect(versions(console).first).to_be_focused()
    expect(alert).to_be_hidden()
    assert kept.read(key) == body
    assert len(kept.ids(key)) == count + 1
    assert sum("copy-urls" in url for url in asked) == 1


def test_the_deletion_of_a_version_can_be_undone(console: ConsolePage, kept: Kept) -> None:
    ids = kept.put("undone/a.txt", b"1", b"22")
    console.page.clock.install()
    enter(console, "undone")
    console.act("a.txt", "Versions")
    expect(versions(console)).to_have_count(2)
    stop_clock(console.page)
    versions(console).last.get_by_role("button", name="Delete").click()
    expect(versions(console)).to_have_count(1)
    expect(console.button("Undo")).to_be_focused()
    messages = dialog(console).get_by_role("list", name="Messages")
    expect(messages.get_by_text("Deleted for good:")).to_be_visible()
    status = dialog(console).get_by_role("status")
    expect(status).to_have_text(
        re.compile(r"Deleted for good: a\.txt .+\d\d.*\. Undo is possible for 8 seconds\.")
    )
    console.page.clock.run_for(UNDO_MS - 500)
    console.button("Undo").click()
    expect(versions(console)).to_have_count(2)
    expect(dialog(console).get_by_role("heading", name="a.txt")).to_be_focused()
    expect(status).to_have_text("Not deleted.")
    console.page.clock.run_for(UNDO_MS)
    assert sorted(kept.ids("undone/a.txt")) == sorted(ids)


def test_a_deleted_version_is_gone_and_the_one_before_is_current(
    console: ConsolePage, kept: Kept
) -> None:
    first, _ = kept.put("gone/a.txt", b"1", b"22")
    console.page.clock.install()
    enter(console, "gone")
    expect(console.row("a.txt")).to_contain_text("2 bytes")
    stop_clock(console.page)
    console.act("a.txt", "Versions")
    versions(console).first.get_by_role("button", name="Delete").click()
    wait(console)
    expect(versions(console)).to_have_count(1)
    expect(versions(console).first).to_contain_text("1 byteCurrent")
    assert kept.ids("gone/a.txt") == [first]
    console.page.keyboard.press("Escape")
    expect(console.row("a.txt")).to_contain_text("1 byte")
    expect(console.row("a.txt").get_by_role("button", name="More")).to_be_focused()


def test_a_deletion_goes_on_when_the_dialog_is_closed(console: ConsolePage, kept: Kept) -> None:
    kept.put("closed/a.txt", b"1")
    console.page.clock.install()
    enter(console, "closed")
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Versions")
    versions(console).first.get_by_role("button", name="Delete").click()
    dialog(console).get_by_role("button", name="Close").click()
    expect(dialog(console)).to_be_hidden()
    expect(console.button("Undo")).to_be_visible()
    wait(console)
    expect(console.button("Undo")).to_be_hidden()
    expect(console.page.get_by_text("This folder is empty")).to_be_visible()
    assert kept.ids("closed/a.txt") == []


def test_an_expired_sign_in_closes_the_dialog_and_deletes_nothing(
    console: ConsolePage, kept: Kept
) -> None:
    ids = kept.put("expired/a.txt", b"1", b"22")
    console.page.clock.install()
    enter(console, "expired")
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Versions")
    versions(console).last.get_by_role("button", name="Delete").click()
    console.page.route("**/v1/download-urls", lambda route: refuse(route, 401, "It ran out."))
    versions(console).first.get_by_role("button", name="Download").click()
    expect(dialog(console)).to_be_hidden()
    expect(console.alert.first).to_be_focused()
    console.page.clock.run_for(UNDO_MS)
    assert sorted(kept.ids("expired/a.txt")) == sorted(ids)
    console.try_to_sign_in()
    console.act("a.txt", "Delete")
    expect(console.button("Undo")).to_be_focused()  # messages are in the page again


def test_a_version_that_cannot_be_deleted_comes_back(console: ConsolePage, kept: Kept) -> None:
    kept.put("stuck/a.txt", b"1", b"22")
    console.page.clock.install()
    enter(console, "stuck")
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Versions")
    console.page.route("**/v1/delete-urls", lambda route: refuse(route, 403, "No.", "forbidden"))
    versions(console).last.get_by_role("button", name="Delete").click()
    console.page.clock.run_for(UNDO_MS + 500)
    alert = dialog(console).get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text("The version was not deleted.")
    expect(versions(console)).to_have_count(2)


def test_a_key_that_another_begins_with_has_versions_of_its_own(
    console: ConsolePage, kept: Kept
) -> None:
    kept.put("begin/report", b"1")
    kept.put("begin/report.txt", b"22", b"333", b"4444")
    enter(console, "begin")
    console.act("report", "Versions")
    expect(versions(console)).to_have_count(1)
    expect(versions(console)).to_contain_text("1 byteCurrent")


def test_a_bucket_without_versioning_says_that_versions_are_not_kept(console: ConsolePage) -> None:
    console.harness.put("single/a.txt", b"12345")
    console.sign_in()
    console.follow("single")
    console.act("a.txt", "Versions")
    expect(versions(console)).to_have_count(1)
    expect(versions(console)).to_contain_text("5 bytesCurrent")
    expect(dialog(console).get_by_role("button", name="Restore")).to_be_hidden()
    expect(dialog(console)).to_contain_text("Earlier versions of this file were not kept.")


def test_what_replaces_the_only_version_is_not_deleted(console: ConsolePage) -> None:
    """It has the same id: `null`."""
    console.harness.put("replaced/a.txt", b"old")
    console.page.clock.install()
    console.sign_in()
    console.follow("replaced")
    console.field("Replace files of the same name").check()
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Versions")
    versions(console).get_by_role("button", name="Delete").click()
    console.page.keyboard.press("Escape")
    console.upload(text_file("a.txt", b"new"))
    console.page.clock.run_for(1000)
    console.wait_until_sent("a.txt")
    expect(console.button("Undo")).to_be_hidden()  # long before the deletion would be sent
    console.page.clock.run_for(UNDO_MS)
    assert console.harness.read("replaced/a.txt") == b"new"


def test_a_deleted_file_is_shown_and_restored(console: ConsolePage, kept: Kept) -> None:
    kept.put("bin/a.txt", b"1", b"22")
    kept.put("bin/b.txt", b"b")
    kept.remove("bin/a.txt")
    kept.remove("bin/a.txt")  # a second delete marker
    enter(console, "bin")
    expect(console.row("b.txt")).to_be_visible()
    expect(console.row("a.txt")).to_have_count(0)
    console.field(SHOW).check()
    row = console.row("a.txt")
    expect(row.get_by_text("Deleted", exact=True)).to_be_visible()
    expect(row.get_by_role("button")).to_have_count(2)  # Restore and Versions
    console.act("a.txt", "Restore")
    expect(row.get_by_role("button", name="a.txt")).to_be_focused()
    expect(row.get_by_text("Deleted", exact=True)).to_have_count(0)
    expect(row).to_contain_text("2 bytes")
    expect(console.page.get_by_role("status")).to_have_text("Restored.")
    assert kept.read("bin/a.txt") == b"22"


def test_a_file_that_is_deleted_stays_as_a_deleted_one(console: ConsolePage, kept: Kept) -> None:
    kept.put("stays/a.txt", b"1")
    console.page.clock.install()
    enter(console, "stays")
    console.field(SHOW).check()
    expect(console.row("a.txt")).to_be_visible()
    stop_clock(console.page)
    console.act("a.txt", "Delete")
    wait(console)
    expect(console.row("a.txt").get_by_text("Deleted", exact=True)).to_be_visible()
    console.act("a.txt", "Versions")
    expect(versions(console)).to_have_count(2)
    expect(versions(console).first).to_contain_text("Deleted")
    expect(versions(console).first.get_by_role("button")).to_have_count(0)
    expect(versions(console).last.get_by_role("button", name="Restore")).to_be_visible()
    expect(dialog(console).get_by_text("Current")).to_be_hidden()
    assert not kept.has_object("stays/a.txt")


def test_a_file_of_which_no_version_is_left_is_not_shown(console: ConsolePage, kept: Kept) -> None:
    kept.put("left/b.txt", b"b")
    kept.remove("left/a.txt")  # there is only the delete marker
    enter(console, "left")
    console.field(SHOW).check()
    expect(console.row("b.txt")).to_be_visible()
    expect(console.row("a.txt")).to_have_count(0)


def test_a_restoration_that_fails_is_explained(console: ConsolePage, kept: Kept) -> None:
    kept.put("unrestored/a.txt", b"1")
    kept.remove("unrestored/a.txt")
    enter(console, "unrestored", with_deleted=True)
    console.page.route("**/v1/delete-urls", lambda route: refuse(route, 403, "No.", "forbidden"))
    console.act("a.txt", "Restore")
    alert = console.alert.filter(visible=True)
    expect(alert).to_contain_text("The file was not restored.")
    expect(alert).to_contain_text("You are not allowed to do this.")
    expect(console.row("a.txt").get_by_text("Deleted", exact=True)).to_be_visible()


def test_deleted_files_are_shown_only_while_that_is_chosen(
    console: ConsolePage, kept: Kept
) -> None:
    kept.put("chosen/below/a.txt", b"1")
    kept.remove("chosen/below/a.txt")
    console.harness.put("chosen.txt", b"1")
    console.sign_in(bucket="versions")
    console.field(SHOW).check()
    console.follow("chosen", "below")
    expect(console.row("a.txt")).to_be_visible()
    path = console.page.get_by_role("navigation", name="Path")
    path.get_by_role("link", name="All files").click()
    expect(console.field(SHOW)).to_be_hidden()
    console.follow("versions")
    expect(console.field(SHOW)).not_to_be_checked()


def test_where_no_versions_are_kept_no_deleted_files_are_offered(
    console: ConsolePage, kept: Kept
) -> None:
    kept.put("offered/a.txt", b"1")
    console.harness.put("offered/a.txt", b"1")
    enter(console, "offered")
    expect(console.field(SHOW)).to_be_visible()
    console.page.get_by_role("navigation", name="Path").get_by_text("All files").click()
    console.follow("objects")
    with console.page.expect_response("**/v1/object-versions?**"):
        console.follow("offered")
    expect(console.row("a.txt")).to_be_visible()
    console.page.wait_for_timeout(300)  # until the page has read the answer
    expect(console.field(SHOW)).to_be_hidden()


def test_without_the_grant_no_versions_are_offered(console: ConsolePage, kept: Kept) -> None:
    kept.put("plain/a.txt", b"1")
    console.sign_in(PLAIN_KEY)
    console.follow("plain")
    console.row("a.txt").get_by_role("button", name="More").click()
    expect(console.page.get_by_role("menuitem")).to_have_text(["Copy link", "Share", "Delete"])
    expect(console.field(SHOW)).to_be_hidden()


def test_who_only_sees_versions_can_neither_download_nor_restore(
    console: ConsolePage, kept: Kept
) -> None:
    kept.put("seen/a.txt", b"1")
    kept.put("seen/b.txt", b"1")
    kept.remove("seen/b.txt")
    console.sign_in(LOOKER_KEY)
    console.follow("seen")
    console.field(SHOW).check()
    expect(console.row("b.txt").get_by_role("button")).to_have_count(1)  # Versions
    console.act("a.txt", "Versions")
    expect(versions(console)).to_have_count(1)
    expect(versions(console).get_by_role("button")).to_have_count(0)
    expect(dialog(console)).not_to_contain_text("gone for good")


def pages_of(count: int) -> Any:
    """Answers of the service for a file of so many versions, 1,000 at a time."""

    def answer(route: Route) -> None:
        after = int(route.request.url.partition("after=")[2] or 0)
        shown = range(after, min(after + 1000, count))
        listed = [
            {"key": "long/a.txt", "version_id": str(n), "is_latest": n == 0, "size": n,
             "is_delete_marker": False, "etag": '"e"', "last_modified": "2026-03-01T12:00:00Z"}
            for n in shown
        ]  # fmt: skip
        more = {"next": str(after + 1000)} if after + 1000 < count else {}
        route.fulfill(json={"prefix": "long/a.txt", "prefixes": [], "versions": listed, **more})

    return answer


def test_a_long_history_is_read_on_request(console: ConsolePage, kept: Kept) -> None:
    kept.put("long/a.txt", b"1")
    enter(console, "long")
    console.page.route("**/v1/object-versions?**", pages_of(1003))
    console.act("a.txt", "Versions")
    expect(versions(console)).to_have_count(1000)
    more = dialog(console).get_by_role("button", name="Load more")
    unreadable = "**/v1/object-versions?*after=1000*"
    console.page.route(unreadable, lambda route: refuse(route, 403, "", "forbidden"))
    more.click()
    alert = dialog(console).get_by_role("alert").filter(visible=True)
    expect(alert).to_be_focused()
    console.page.unroute(unreadable)
    alert.get_by_role("button", name="Try again").click()
    expect(versions(console)).to_have_count(1000)
    more.click()
    expect(versions(console)).to_have_count(1003)
    expect(versions(console).nth(1000)).to_be_focused()
    expect(more).to_be_hidden()


def test_versions_that_cannot_be_read_are_asked_for_again(console: ConsolePage, kept: Kept) -> None:
    kept.put("again/a.txt", b"1")
    enter(console, "again")
    console.page.route(
        "**/v1/object-versions?**", lambda route: refuse(route, 403, "", "forbidden")
    )
    console.act("a.txt", "Versions")
    alert = dialog(console).get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text("You are not allowed to do this.")
    console.page.unroute("**/v1/object-versions?**")
    alert.get_by_role("button", name="Try again").click()
    expect(versions(console)).to_have_count(1)
    expect(alert).to_be_hidden()


def test_versions_that_come_late_are_not_shown_with_another_file(
    console: ConsolePage, kept: Kept
) -> None:
    kept.put("late/a.txt", b"1", b"22")
    kept.put("late/b.txt", b"333")
    enter(console, "late")
    held = hold(console.page, "**/v1/object-versions?**a.txt**")
    console.act("a.txt", "Versions")
    route = first_held(console.page, held)
    console.page.keyboard.press("Escape")
    console.act("b.txt", "Versions")
    expect(versions(console)).to_have_count(1)
    route.continue_()
    console.page.wait_for_timeout(300)
    expect(versions(console)).to_have_count(1)
    expect(versions(console)).to_contain_text("3 bytes")


def test_hostile_names_of_deleted_files_are_text(console: ConsolePage, kept: Kept) -> None:
    kept.put(f"hostile/{HOSTILE}", b"1")
    kept.remove(f"hostile/{HOSTILE}")
    enter(console, "hostile", with_deleted=True)
    row = console.files.get_by_role("row").filter(has_text=SHOWN[-12:])
    choose(row, "Versions")
    expect(dialog(console).get_by_role("heading")).to_have_text(SHOWN)
    expect(versions(console)).to_have_count(2)
    assert console.page.locator("main img, dialog img").count() == 0


def test_versions_need_no_mouse(console: ConsolePage, kept: Kept) -> None:
    kept.put("keys/a.txt", b"1", b"22")
    enter(console, "keys")
    keyboard = console.page.keyboard
    button = console.row("a.txt").get_by_role("button", name="More")
    button.focus()
    for key in ("Enter", "v", "Enter"):
        keyboard.press(key)
    expect(versions(console)).to_have_count(2)
    delete = versions(console).last.get_by_role("button", name="Delete")
    tab_to(console, delete)
    keyboard.press("Enter")
    expect(console.button("Undo")).to_be_focused()
    keyboard.press("Enter")
    expect(versions(console)).to_have_count(2)
    keyboard.press("Escape")
    expect(button).to_be_focused()
    kept.remove("keys/a.txt")
    console.field(SHOW).focus()
    keyboard.press("Space")
    restore = console.row("a.txt").get_by_role("button", name="Restore")
    restore.wait_for()
    tab_to(console, restore)
    keyboard.press("Enter")
    expect(console.button("a.txt")).to_be_focused()


def tab_to(console: ConsolePage, control: Locator) -> None:
    for _ in range(20):
        if control.evaluate("(control) => control === document.activeElement"):
            return
        console.page.keyboard.press("Tab")
    raise AssertionError("no Tab leads there")
