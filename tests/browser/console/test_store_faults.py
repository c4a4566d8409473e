"""What may be wrong with a store, a file or the network, and what the page makes of it."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Route, expect

from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.house import (
    PATIENCE,
    READER_KEY,
    Desk,
    House,
    large_file,
    open_desk,
    text_file,
)
from tests.support.stores import ANY_ORIGIN, Store


def cors(store: Store, *rules: dict[str, Any]) -> None:
    admin, bucket = store.admin_client(), store.versioned_bucket
    if rules:
        admin.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})
    else:
        admin.delete_bucket_cors(Bucket=bucket)


def test_a_bucket_without_cors_is_explained_with_the_missing_rule(
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
        expect(alert).to_contain_text("rules do not allow this page", timeout=PATIENCE)
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


def test_hidden_etags_are_read_from_the_stores_list_of_parts(desk: Desk, tmp_path: Path) -> None:
    store = desk.house.store
    cors(store, {name: value for name, value in ANY_ORIGIN.items() if name != "ExposeHeaders"})
    try:
        desk.sign_in()
        desk.field("Bucket").select_option("versions")
        desk.upload_from_disk(large_file(tmp_path, "hidden.bin"))
        desk.wait_until_sent("hidden.bin")
    finally:
        cors(store, ANY_ORIGIN)


def test_an_upload_that_the_pages_csp_blocks_is_explained(desk: Desk) -> None:
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
    expect(alert).to_contain_text("The file can no longer be read", timeout=PATIENCE)


def test_an_answer_that_is_lost_on_its_way_is_explained(desk: Desk) -> None:
    def lose(route: Route) -> None:
        if route.request.method == "PUT" and not desk.house.has("unsure.txt"):
            desk.house.put("unsure.txt", b"hello")  # as it would have come from the page
            route.abort()
        else:
            route.continue_()

    desk.sign_in()
    desk.page.route(f"{desk.house.store_origin}/**", lose)
    desk.upload(text_file("unsure.txt"))
    alert = desk.item("unsure.txt").get_by_role("alert")
    expect(alert).to_contain_text("It may be this file", timeout=PATIENCE)


def test_an_earlier_callers_results_are_not_shown_to_the_next(desk: Desk) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = desk.page
    desk.sign_in()
    page.route(f"{desk.house.store_origin}/**", hold)
    desk.upload(text_file("secret-name.txt"))
    desk.item("secret-name.txt").get_by_text("Sending").wait_for()
    out = {"detail": "Out.", "code": "unauthenticated"}
    page.route("**/v1/object-checks", lambda route: route.fulfill(status=401, json=out))
    desk.field("Object").fill("any.txt")
    desk.button("Link").click()
    expect(desk.alert.first).to_contain_text("no longer valid")
    desk.sign_in(READER_KEY)
    for route in held:
        route.fulfill(status=200)
    page.wait_for_timeout(500)
    assert "secret-name" not in page.content()


def test_a_rate_limit_is_waited_for_and_shown(desk: Desk) -> None:
    asked: list[Route] = []

    def limit_once(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()
            return
        limited = {"detail": "Too many.", "code": "rate_limited"}
        route.fulfill(status=429, headers={"retry-after": "2"}, json=limited)

    desk.page.route("**/v1/upload-urls", limit_once)
    desk.sign_in()
    desk.upload(text_file("awaited.txt"))
    expect(desk.item("awaited.txt")).to_contain_text("Waiting 2 s, as the service requested")
    desk.wait_until_sent("awaited.txt")
    assert len(asked) == 2
