"""Files on their way to a store that verifies what is signed: whole, in parts, paused, refused, given up."""

import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, Dialog, Route, expect

from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.house import (
    LARGE,
    LIMITED_KEY,
    MIB,
    PART,
    PATIENCE,
    SHORT,
    SHORT_KEY,
    Desk,
    House,
    large_file,
    text_file,
)
from tests.browser.console.house import (
    desk as open_desk,
)
from tests.end_to_end.stores import ANY_ORIGIN, Store

PARTS: Final = 3
ODD: Final = "Ünïcode 😀 +%2F & 'quoted' #1.txt"


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


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


def test_several_files_go_one_after_another_and_an_empty_one_too(desk: Desk) -> None:
    desk.sign_in()
    names = ["one.txt", "empty.txt", "three.txt"]
    bodies = [b"1", b"", b"333"]
    desk.upload(*(text_file(name, body) for name, body in zip(names, bodies, strict=True)))
    for name, body in zip(names, bodies, strict=True):
        desk.wait_until_sent(name)
        assert desk.house.read(name) == body


def test_a_large_file_is_paused_and_goes_on_with_what_the_store_lacks(
    gated_desk: Desk, tmp_path: Path
) -> None:
    desk, gate = gated_desk, gated_desk.house.gate
    assert gate is not None
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
    assert digest(desk.house.read("paused.bin")) == digest(file.read_bytes())
    assert gate.passed - before < size - there * PART + 2 * MIB
    assert desk.house.uploads("paused.bin") == []


@pytest.mark.parametrize("believed", [True, False], ids=["found out", "foreseen"])
def test_a_parts_url_that_has_run_out_is_asked_for_anew(
    desk: Desk, tmp_path: Path, believed: bool
) -> None:
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
        time.sleep(SHORT + 1)
        route.fulfill(response=answer, json=told)

    desk.page.route("**/v1/multipart-uploads", answer_late)
    desk.page.on("request", lambda request: used.add(request.url))
    desk.sign_in(SHORT_KEY)
    file = large_file(tmp_path, name)
    desk.upload_from_disk(file)
    desk.wait_until_sent(name)
    assert digest(desk.house.read(name)) == digest(file.read_bytes())
    assert len(late) == PARTS
    assert late & used == (late if believed else set())


def test_an_upload_that_is_given_up_leaves_nothing_at_the_store(
    gated_desk: Desk, tmp_path: Path
) -> None:
    desk, gate = gated_desk, gated_desk.house.gate
    assert gate is not None
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


@pytest.mark.parametrize(("name", "size"), [("kept.txt", 5), ("kept.bin", LARGE)])
def test_what_is_there_is_left_unless_one_asks_to_replace_it(
    desk: Desk, tmp_path: Path, name: str, size: int
) -> None:
    desk.house.put(name, b"first")
    file = large_file(tmp_path, name, size)
    desk.sign_in()
    desk.upload_from_disk(file)
    item = desk.item(name)
    expect(item.get_by_role("alert")).to_contain_text("An object of this name is there already.")
    assert desk.house.read(name) == b"first"
    assert desk.house.uploads(name) == []
    item.get_by_role("button", name="Replace").click()
    desk.wait_until_sent(name)
    assert digest(desk.house.read(name)) == digest(file.read_bytes())


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


def test_a_refusal_of_the_services_is_shown_in_its_own_words(desk: Desk) -> None:
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


def cors(store: Store, *rules: dict[str, Any]) -> None:
    admin, bucket = store.admin_client(), store.versioned_bucket
    if rules:
        admin.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})
    else:
        admin.delete_bucket_cors(Bucket=bucket)


def test_a_bucket_without_cors_is_explained_with_a_rule_that_mends_it(
    context: BrowserContext, house: House
) -> None:
    desk = open_desk(context, house)
    desk.sign_in()
    desk.field("Bucket").select_option("versions")
    cors(house.store)
    try:
        desk.upload(text_file("cors.txt", b"at last"))
        item = desk.item("cors.txt")
        alert = item.get_by_role("alert")
        expect(alert).to_contain_text("rules do not let this page send to it", timeout=PATIENCE)
        alert.get_by_role("button", name="Copy").click()
        copied = desk.page.evaluate("navigator.clipboard.readText()")
        [rule] = json.loads(copied)["CORSRules"]
        assert rule["AllowedOrigins"] == [house.origin]
        cors(house.store, rule)
        item.get_by_role("button", name="Try again").click()
        desk.wait_until_sent("cors.txt")
    finally:
        cors(house.store, ANY_ORIGIN)
    # Chromium logs the addresses that CORS forbids, and no page can keep it from that.
    logged = [line for line in desk.watch.logged if "blocked by CORS policy" not in line]
    desk.watch.logged[:] = logged
    kept_to_itself(desk)


def test_parts_whose_etags_are_hidden_are_completed_by_what_the_store_lists(
    desk: Desk, tmp_path: Path
) -> None:
    store = desk.house.store
    cors(store, {name: value for name, value in ANY_ORIGIN.items() if name != "ExposeHeaders"})
    try:
        desk.sign_in()
        desk.field("Bucket").select_option("versions")
        desk.upload_from_disk(large_file(tmp_path, "hidden.bin"))
        desk.wait_until_sent("hidden.bin")
    finally:
        cors(store, ANY_ORIGIN)


def test_a_store_that_the_page_was_opened_too_early_for_is_explained(desk: Desk) -> None:
    signed = {"method": "PUT", "url": "http://127.0.0.2:9/b/k?X-Amz-Signature=x", "headers": {}}
    desk.page.route("**/v1/upload-urls", lambda route: route.fulfill(json=signed))
    failures: list[str | None] = []
    desk.page.on("requestfailed", lambda request: failures.append(request.failure))
    desk.sign_in()
    desk.upload(text_file("early.txt"))
    alert = desk.item("early.txt").get_by_role("alert")
    expect(alert).to_contain_text("Reload the page and sign in again.", timeout=PATIENCE)
    assert failures == ["csp"]  # it never left
    assert [desk.watch.strangers.pop()] == [signed["url"]]
    # Chromium logs what a policy forbids, with the address.
    desk.watch.logged[:] = [line for line in desk.watch.logged if "connect-src" not in line]


def test_a_file_that_is_gone_by_its_turn_is_explained(desk: Desk, tmp_path: Path) -> None:
    file = large_file(tmp_path, "gone.txt", 5)
    desk.sign_in()
    desk.choose_on_disk(file)
    file.unlink()
    desk.button("Upload").click()
    alert = desk.item("gone.txt").get_by_role("alert")
    expect(alert).to_contain_text("The file cannot be read any more", timeout=PATIENCE)


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


def test_signing_out_ends_what_is_under_way(gated_desk: Desk, tmp_path: Path) -> None:
    desk, gate = gated_desk, gated_desk.house.gate
    assert gate is not None
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
    assert asked == ["Files are still on their way. Cancel them and sign out?"]
    gate.open()
    assert desk.house.uploads("left.bin") == []


def test_a_token_that_runs_out_half_way_costs_nothing_that_was_sent(
    gated_desk: Desk, tmp_path: Path
) -> None:
    desk, gate = gated_desk, gated_desk.house.gate
    assert gate is not None
    file = large_file(tmp_path, "expired.bin")
    desk.sign_in()
    out = {"type": "t", "title": "t", "status": 401, "code": "unauthenticated", "detail": "Out."}
    desk.page.route("**/complete", lambda route: route.fulfill(status=401, json=out))
    desk.upload_from_disk(file)
    expect(desk.alert.first).to_contain_text("what was under way waits", timeout=PATIENCE)
    desk.page.unroute("**/complete")
    before = gate.passed
    desk.sign_in()
    desk.item("expired.bin").get_by_role("button", name="Try again").click()
    desk.wait_until_sent("expired.bin")
    assert digest(desk.house.read("expired.bin")) == digest(file.read_bytes())
    assert gate.passed - before < MIB
