"""Large files, in parts: paused, resumed, late, given up, and completed though nobody hears of it."""

import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Request, Response, Route, expect

from tests.browser.console.harness import (
    MIB,
    PART,
    PATIENCE,
    ConsolePage,
    large_file,
    refuse,
)
from tests.support.gate import Gate
from tests.support.socket_server import wait_until

PARTS: Final = 3


def test_a_resumed_upload_sends_only_the_missing_parts(
    gated_console: ConsolePage, tmp_path: Path
) -> None:
    console, gate = gated_console, gated_console.harness.way
    file = large_file(tmp_path, "paused.bin", 8 * PART)  # more than the network holds on its way
    console.sign_in()
    gate.shut(after=3 * PART + MIB)  # of three parts at a time, one is whole by then
    console.upload(file)
    item = console.item("paused.bin")
    gate.wait_until_held(3)
    wait_until(lambda: parts_of(console, "paused.bin"))
    item.get_by_role("button", name="Pause").click()
    expect(item).to_contain_text("Paused")
    expect(item.get_by_role("progressbar", name="paused.bin")).to_be_visible()
    gate.cut()
    gate.open()
    there, sent = parts_of(console, "paused.bin"), set[str]()
    console.page.on("request", lambda request: sent.update(part_numbers(request)))
    item.get_by_role("button", name="Resume").click()
    console.wait_until_sent("paused.bin")
    assert console.harness.holds("paused.bin", file)
    assert sent
    assert sent.isdisjoint(there)
    assert console.harness.uploads("paused.bin") == []


def parts_of(console: ConsolePage, key: str) -> set[str]:
    """The numbers of the parts that the store has."""
    [upload] = console.harness.uploads(key)
    place = {"Bucket": console.harness.store.bucket, "Key": key, "UploadId": upload["UploadId"]}
    found = console.harness.admin.list_parts(**place)
    return {str(part["PartNumber"]) for part in found.get("Parts", [])}


def part_numbers(request: Request) -> list[str]:
    """The number of the part that a request sends, if it sends one."""
    query = parse_qs(urlsplit(request.url).query)
    return query.get("partNumber", []) if request.method == "PUT" else []


def test_an_expired_part_url_is_requested_again(console: ConsolePage, tmp_path: Path) -> None:
    name = "late.bin"
    late: set[str] = set()
    statuses: dict[str, int] = {}

    def note(answer: Response) -> None:
        if answer.request.method == "PUT":
            statuses[answer.url] = answer.status

    def answer_late(route: Route) -> None:
        if late:
            route.continue_()
            return
        asked: Any = route.request.post_data_json
        answer = route.fetch(post_data={**asked, "expires_in": 1})
        late.update(part["url"] for part in answer.json()["parts"])
        time.sleep(2.5)
        route.fulfill(response=answer)

    console.page.route("**/part-urls", answer_late)
    console.page.on("response", note)
    console.sign_in()
    file = large_file(tmp_path, name)
    console.upload(file)
    console.wait_until_sent(name)
    assert console.harness.holds(name, file)
    assert len(late) == PARTS
    # Each part was sent again, by another URL.
    assert sorted(statuses[url] for url in late) == [403] * PARTS
    assert [status for url, status in statuses.items() if url not in late] == [200] * PARTS


def half_sent(console: ConsolePage, file: Path) -> Gate:
    """Upload a large file through the gate, which is shut then."""
    gate = console.harness.way
    console.sign_in()
    gate.shut(after=PART)
    console.upload(file)
    gate.wait_until_held(2)
    return gate


def test_a_cancelled_upload_leaves_nothing_at_the_store(
    gated_console: ConsolePage, tmp_path: Path
) -> None:
    console = gated_console
    gate = half_sent(console, large_file(tmp_path, "cancelled.bin"))
    assert len(console.harness.uploads("cancelled.bin")) == 1
    item = console.item("cancelled.bin")
    item.get_by_role("button", name="Cancel").click()
    expect(item).to_contain_text("Cancelled")
    expect(item.get_by_role("button", name="Dismiss")).to_be_focused()
    gate.open()
    wait_until(lambda: console.harness.uploads("cancelled.bin") == [])
    item.get_by_role("button", name="Dismiss").click()
    expect(item).to_be_hidden()
    expect(console.heading).to_be_focused()


@pytest.mark.parametrize("choice", ["Keep both", "Skip"])
def test_a_large_file_whose_name_is_taken_leaves_no_parts(
    console: ConsolePage, tmp_path: Path, choice: str
) -> None:
    """Somebody took the name while its parts were sent."""
    name = f"{choice}.bin"
    console.sign_in()
    console.page.route("**/complete", lambda route: refuse(route, 412, "Taken.", "object_exists"))
    console.upload(large_file(tmp_path, name))
    question = console.page.get_by_role("dialog", name="This name is taken", exact=True)
    question.wait_for(timeout=3 * PATIENCE)
    assert len(console.harness.uploads(name)) == 1
    console.page.unroute("**/complete")
    question.get_by_role("button", name=choice, exact=True).click()
    if choice == "Keep both":
        console.wait_until_sent("Keep both (2).bin")
    wait_until(lambda: console.harness.uploads(name) == [])


def test_signing_out_ends_what_is_under_way(gated_console: ConsolePage, tmp_path: Path) -> None:
    console = gated_console
    gate = half_sent(console, large_file(tmp_path, "left.bin"))
    question = console.page.get_by_role("dialog", name="Sign out?", exact=True)
    console.button("Sign out").click()
    expect(question.get_by_role("button", name="Stay")).to_be_focused()
    console.page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    expect(console.item("left.bin")).to_be_visible()
    console.button("Sign out").click()
    question.get_by_role("button", name="Cancel and sign out").click()
    expect(console.field("API key or token")).to_be_visible()
    gate.open()
    wait_until(lambda: console.harness.uploads("left.bin") == [])


def test_an_expired_token_loses_no_parts_that_were_sent(
    gated_console: ConsolePage, tmp_path: Path
) -> None:
    console, gate = gated_console, gated_console.harness.way
    file = large_file(tmp_path, "expired.bin")
    console.sign_in()
    console.page.route("**/complete", lambda route: refuse(route, 401, "Out."))
    console.upload(file)
    again = "Sign in again to continue your uploads."
    expect(console.alert.first).to_contain_text(again, timeout=3 * PATIENCE)
    console.page.unroute("**/complete")
    before = gate.passed
    console.sign_in()
    console.wait_until_sent("expired.bin")
    assert console.harness.holds("expired.bin", file)
    assert gate.passed - before < MIB


def test_a_file_goes_into_the_open_folder_whatever_was_interrupted(
    gated_console: ConsolePage, tmp_path: Path
) -> None:
    """An interrupted file has the same name and size, and another folder."""
    console = gated_console
    file = large_file(tmp_path, "same.bin")
    gate = half_sent(console, file)
    wait_until(lambda: console.harness.uploads("same.bin"))
    console.page.once("dialog", lambda dialog: dialog.accept())
    console.page.reload()
    gate.cut()
    gate.open()
    console.sign_in()
    interrupted = console.item("same.bin").filter(has_text="Interrupted")
    interrupted.wait_for()
    console.new_folder("another")
    expect(console.heading).to_have_text("another")
    console.upload(file)
    console.wait_until_sent("same.bin")
    assert console.harness.holds("another/same.bin", file)
    assert not console.harness.has("same.bin")
    interrupted.get_by_role("button", name="Cancel").click()
    expect(interrupted).to_have_count(0)


def test_a_completion_whose_answer_is_lost_is_asked_for_again(
    console: ConsolePage, tmp_path: Path
) -> None:
    """It was done: the store knows the upload no more."""
    answered: list[int] = []

    def lose(route: Route) -> None:
        answered.append(route.fetch().status)
        if len(answered) > 4:
            route.continue_()
        else:
            route.abort()

    console.page.route("**/complete", lose)
    file = large_file(tmp_path, "lost.bin")
    console.sign_in()
    console.upload(file)
    item = console.item("lost.bin")
    alert = item.get_by_role("alert")
    expect(alert).to_contain_text("did not respond", timeout=3 * PATIENCE)
    item.get_by_role("button", name="Try again").click()
    console.wait_until_sent("lost.bin")
    assert set(answered) == {200}
    assert console.harness.holds("lost.bin", file)
