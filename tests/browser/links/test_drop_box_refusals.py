"""What a drop box refuses, or cannot do, is said in words for people."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Route, expect

from tests.browser.console.harness import LIMITED_KEY, MIB, PATIENCE, text_file
from tests.browser.console.test_store_faults import cors
from tests.browser.links.conftest import Open, kept_to_itself
from tests.browser.links.harness import LinksHarness, open_link
from tests.support.stores import ANY_ORIGIN


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (
            text_file("page.html", b"<p>", "text/html"),
            "Files of this type are not accepted here.",
        ),
        (
            text_file("long.txt", bytes(MIB + 1)),
            "This file is too large. Each file may have up to 1 MB.",
        ),
    ],
)
def test_a_file_that_is_not_accepted_is_refused_in_words(
    open_page: Open, links: LinksHarness, file: FilePayload, words: str
) -> None:
    name = file["name"]
    opened = open_page(links.drop_box("limited/", LIMITED_KEY))
    expect(opened.page.get_by_text("Up to 1 MB each")).to_be_visible()
    expect(opened.page.get_by_text("Only these types: images, plain text")).to_be_visible()
    opened.choose(file, text_file("good.txt"))
    expect(opened.error_of(name)).to_contain_text(words)
    expect(opened.item(name).get_by_role("button")).to_have_count(0)  # no second try helps
    opened.wait_until_sent("good.txt")
    assert name not in links.received("limited/")


def test_a_bucket_without_cors_is_explained_with_the_missing_rule(
    context: BrowserContext, links: LinksHarness
) -> None:
    opened = open_link(context, links, links.drop_box("cors/", bucket="versions"))
    cors(links.store)
    try:
        opened.choose(text_file("cors.txt", b"at last"))
        alert = opened.error_of("cors.txt")
        expect(alert).to_contain_text("it may not allow this page", timeout=PATIENCE)
        alert.get_by_text("For the owner of the bucket").click()
        [rule] = json.loads(alert.locator("pre").inner_text())["CORSRules"]
        assert rule["AllowedOrigins"] == [links.origin]
        cors(links.store, rule)
        opened.item("cors.txt").get_by_role("button", name="Try again").click()
        opened.wait_until_sent("cors.txt")
    finally:
        cors(links.store, ANY_ORIGIN)
    received = links.received("cors/", links.store.versioned_bucket)
    assert received["cors.txt"][0] == b"at last"
    # Chromium logs the addresses that CORS forbids, and no page can keep it from that.
    logged = [line for line in opened.watch.logged if "blocked by CORS policy" not in line]
    opened.watch.logged[:] = logged
    kept_to_itself(opened)


def test_a_lost_connection_is_said_and_tried_again(open_page: Open, links: LinksHarness) -> None:
    opened = open_page(links.drop_box("lost/"))
    opened.page.route("**/l/*", lambda route: route.abort())
    opened.choose(text_file("lost.txt"))
    expect(opened.error_of("lost.txt")).to_contain_text("The service cannot be reached.")
    opened.page.unroute("**/l/*")
    opened.button("Try again").click()
    opened.wait_until_sent("lost.txt")
    expect(opened.error_of("lost.txt")).to_be_hidden()
    assert links.received("lost/")["lost.txt"][0] == b"hello"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 410, "json": {"detail": "x"}}, "This link has expired."),
        ({"status": 404, "json": {"detail": "x"}}, "This link no longer works."),
        ({"status": 429, "json": {"detail": "x"}}, "Too many files are being sent."),
        ({"status": 503, "json": {"detail": "x"}}, "The service cannot answer now."),
        ({"status": 502, "body": "<html>"}, "The service failed (502)."),
        ({"status": 422, "json": {"detail": "No.", "request_id": "r1"}}, "No.Copy details"),
    ],
)
def test_a_refusal_is_said_in_words(
    open_page: Open, links: LinksHarness, answer: Any, words: str
) -> None:
    opened = open_page(links.drop_box("refused/"))

    def refuse(route: Route) -> None:
        route.fulfill(**answer)

    opened.page.route("**/l/*", refuse)
    opened.choose(text_file("refused.txt"))
    expect(opened.error_of("refused.txt")).to_contain_text(words)
    expect(opened.button("Try again")).to_be_visible()
