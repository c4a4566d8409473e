"""Large files, in parts: paused, resumed, late, given up, and completed though nobody hears of it."""

import time
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Dialog, Route, expect

from tests.browser.console.house import (
    LATE,
    LATE_KEY,
    MIB,
    PART,
    PATIENCE,
    Desk,
    large_file,
)

PARTS: Final = 3


def test_a_resumed_upload_sends_only_the_missing_parts(gated_desk: Desk, tmp_path: Path) -> None:
    desk, gate = gated_desk, gated_desk.house.way
    size = 8 * PART  # more than the network holds on its way
    file = large_file(tmp_path, "paused.bin", size)
    desk.sign_in()
    gate.shut(after=2 * PART + MIB)
    desk.upload_from_disk(file)
    item = desk.item("paused.bin")
    gate.wait_until_held(3)
    item.get_by_role("button", name="Pause").click()
    expect(item).to_contain_text("Paused")
    expect(item.get_by_role("progressbar", name="paused.bin")).to_be_visible()
    gate.cut()
    gate.open()
    before = gate.passed
    [upload] = desk.house.uploads("paused.bin")
    parts = desk.house.store.admin_client().list_parts(
        Bucket=desk.house.store.bucket, Key="paused.bin", UploadId=upload["UploadId"]
    )
    there = len(parts.get("Parts", []))
    item.get_by_role("button", name="Resume").click()
    desk.wait_until_sent("paused.bin")
    assert desk.house.holds("paused.bin", file)
    assert gate.passed - before < size - there * PART + 2 * MIB
    assert desk.house.uploads("paused.bin") == []


@pytest.mark.parametrize("believed", [True, False], ids=["found out", "foreseen"])
def test_an_expired_part_url_is_requested_again(desk: Desk, tmp_path: Path, believed: bool) -> None:
    """The page sends late: either it believes that its URLs are good, or knows that they are not."""
    name = f"late-{believed}.bin"
    late: set[str] = set()
    used: set[str] = set()

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        late.update(part["url"] for part in told["parts"])
        if believed:
            told["expires_at"] = "2999-01-01T00:00:00Z"
        time.sleep(LATE + 1)
        route.fulfill(response=answer, json=told)

    desk.page.route("**/v1/multipart-uploads", answer_late)
    desk.page.on("request", lambda request: used.add(request.url))
    desk.sign_in(LATE_KEY)
    file = large_file(tmp_path, name)
    desk.upload_from_disk(file)
    desk.wait_until_sent(name)
    assert desk.house.holds(name, file)
    assert len(late) == PARTS
    assert late & used == (late if believed else set())


def test_a_cancelled_upload_leaves_nothing_at_the_store(gated_desk: Desk, tmp_path: Path) -> None:
    desk, gate = gated_desk, gated_desk.house.way
    desk.sign_in()
    gate.shut(after=PART)
    desk.upload_from_disk(large_file(tmp_path, "cancelled.bin"))
    gate.wait_until_held(2)
    assert len(desk.house.uploads("cancelled.bin")) == 1
    item = desk.item("cancelled.bin")
    item.get_by_role("button", name="Cancel").click()
    expect(item).to_contain_text("Cancelled")
    expect(item.get_by_role("button", name="Remove")).to_be_focused()
    gate.open()
    deadline = time.monotonic() + 10
    while desk.house.uploads("cancelled.bin") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert desk.house.uploads("cancelled.bin") == []
    item.get_by_role("button", name="Remove").click()
    expect(item).to_be_hidden()
    expect(desk.field("Files")).to_be_focused()


def test_signing_out_ends_what_is_under_way(gated_desk: Desk, tmp_path: Path) -> None:
    desk, gate = gated_desk, gated_desk.house.way
    desk.sign_in()
    gate.shut(after=PART)
    desk.upload_from_disk(large_file(tmp_path, "left.bin"))
    gate.wait_until_held(2)
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    desk.page.once("dialog", accept)
    desk.button("Sign out").click()
    expect(desk.field("API key or token")).to_be_visible()
    assert asked == ["Files are still being uploaded. Cancel them and sign out?"]
    gate.open()
    assert desk.house.uploads("left.bin") == []


def test_an_expired_token_loses_no_parts_that_were_sent(gated_desk: Desk, tmp_path: Path) -> None:
    desk, gate = gated_desk, gated_desk.house.way
    file = large_file(tmp_path, "expired.bin")
    desk.sign_in()
    out = {"type": "t", "title": "t", "status": 401, "code": "unauthenticated", "detail": "Out."}
    desk.page.route("**/complete", lambda route: route.fulfill(status=401, json=out))
    desk.upload_from_disk(file)
    expect(desk.alert.first).to_contain_text(
        "Sign in again to continue your uploads.", timeout=PATIENCE
    )
    desk.page.unroute("**/complete")
    before = gate.passed
    desk.sign_in()
    desk.item("expired.bin").get_by_role("button", name="Try again").click()
    desk.wait_until_sent("expired.bin")
    assert desk.house.holds("expired.bin", file)
    assert gate.passed - before < MIB


def test_a_completion_whose_answer_is_lost_is_asked_for_again(desk: Desk, tmp_path: Path) -> None:
    """It was done: the store knows the upload no more."""
    answered: list[int] = []

    def lose(route: Route) -> None:
        answered.append(route.fetch().status)
        if len(answered) > 4:
            route.continue_()
        else:
            route.abort()

    desk.page.route("**/complete", lose)
    file = large_file(tmp_path, "lost.bin")
    desk.sign_in()
    desk.upload_from_disk(file)
    item = desk.item("lost.bin")
    expect(item.get_by_role("alert")).to_contain_text("did not respond", timeout=PATIENCE)
    item.get_by_role("button", name="Try again").click()
    desk.wait_until_sent("lost.bin")
    assert set(answered) == {200}
    assert desk.house.holds("lost.bin", file)
