"""What may be wrong with a store, a file or the network, and what the page makes of it."""

import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import BrowserContext, Route, expect

from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.harness import (
    PATIENCE,
    ConsolePage,
    Harness,
    first_held,
    hold,
    large_file,
    open_console,
    refuse,
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
    context: BrowserContext, harness: Harness
) -> None:
    console = open_console(context, harness)
    console.sign_in(bucket="versions")
    cors(harness.store)
    try:
        console.upload(text_file("cors.txt", b"at last"))
        item = console.item("cors.txt")
        alert = item.get_by_role("alert")
        expect(alert).to_contain_text("it may not allow this page", timeout=PATIENCE)
        alert.get_by_text("For the owner of the bucket").click()
        alert.get_by_role("button", name="Copy", exact=True).click()
        copied = console.page.evaluate("navigator.clipboard.readText()")
        [rule] = json.loads(copied)["CORSRules"]
        assert rule["AllowedOrigins"] == [harness.origin]
        cors(harness.store, rule)
        item.get_by_role("button", name="Try again").click()
        console.wait_until_sent("cors.txt")
    finally:
        cors(harness.store, ANY_ORIGIN)
    # Chromium logs the addresses that CORS forbids, and no page can keep it from that.
    logged = [line for line in console.watch.logged if "blocked by CORS policy" not in line]
    console.watch.logged[:] = logged
    kept_to_itself(console)


def test_hidden_etags_are_read_from_the_stores_list_of_parts(
    console: ConsolePage, tmp_path: Path
) -> None:
    store = console.harness.store
    cors(store, {name: value for name, value in ANY_ORIGIN.items() if name != "ExposeHeaders"})
    try:
        console.sign_in(bucket="versions")
        console.upload(large_file(tmp_path, "hidden.bin"))
        console.wait_until_sent("hidden.bin")
    finally:
        cors(store, ANY_ORIGIN)


def test_an_upload_that_the_pages_csp_blocks_is_explained(console: ConsolePage) -> None:
    signed = {"method": "PUT", "url": "http://127.0.0.2:9/b/k?X-Amz-Signature=x", "headers": {}}
    console.page.route("**/v1/upload-urls", lambda route: route.fulfill(json=signed))
    failures: list[str | None] = []
    console.page.on("requestfailed", lambda request: failures.append(request.failure))
    console.sign_in()
    console.upload(text_file("early.txt"))
    alert = console.item("early.txt").get_by_role("alert")
    expect(alert).to_contain_text("Reload the page and sign in again.", timeout=PATIENCE)
    assert failures == ["csp"]  # it never left
    assert [console.watch.strangers.pop()] == [signed["url"]]
    # Chromium logs what a policy forbids, with the address.
    console.watch.logged[:] = [line for line in console.watch.logged if "connect-src" not in line]


def test_a_file_that_is_gone_by_its_turn_is_explained(console: ConsolePage, tmp_path: Path) -> None:
    file = large_file(tmp_path, "gone.txt", 5)
    console.sign_in()
    held = hold(console.page, "**/v1/upload-urls")
    console.upload(file)
    route = first_held(console.page, held)
    file.unlink()
    route.continue_()
    alert = console.item("gone.txt").get_by_role("alert")
    expect(alert).to_contain_text("The file was changed, moved or removed", timeout=PATIENCE)


def test_an_answer_that_is_lost_on_its_way_is_explained(console: ConsolePage) -> None:
    def lose(route: Route) -> None:
        if route.request.method == "PUT" and not console.harness.has("unsure.txt"):
            console.harness.put("unsure.txt", b"hello")  # as it would have come from the page
            route.abort()
        else:
            route.continue_()

    console.sign_in()
    console.page.route(f"{console.harness.store_origin}/**", lose)
    console.upload(text_file("unsure.txt"))
    alert = console.item("unsure.txt").get_by_role("alert")
    expect(alert).to_contain_text("It may be this file", timeout=PATIENCE)


# By the page's clock, when it asks for the URL of an upload.
NOTE_TIMES: Final = """() => {
  const real = window.fetch;
  window.asked = [];
  window.fetch = (url, init) => {
    if (String(url).endsWith("/v1/upload-urls")) window.asked.push(Date.now());
    return real(url, init);
  };
}"""


def test_a_rate_limit_is_waited_for_and_shown(console: ConsolePage) -> None:
    def limit(route: Route) -> None:
        refuse(route, 429, "Too many.", "rate_limited", retry_after=60)

    console.page.route("**/v1/upload-urls", limit, times=1)
    console.page.clock.install()
    console.page.evaluate(NOTE_TIMES)
    console.sign_in()
    console.upload(text_file("awaited.txt"))
    expect(console.item("awaited.txt")).to_contain_text("Waiting 1 min: too many requests at once")
    console.page.clock.run_for(60_000)
    console.wait_until_sent("awaited.txt")
    first, second = console.page.evaluate("window.asked")
    assert second - first >= 60_000
