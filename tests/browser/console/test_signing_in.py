"""Who is there, what they may do, and what the page keeps of them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.console.harness import (
    LIMITED_KEY,
    MIB,
    READER_KEY,
    ConsolePage,
    expired,
    first_held,
    hold,
    let_token_expire,
    refuse,
    text_file,
)
from tests.support.service import API_KEY


def everything(page: Page) -> str:
    """All that the page has in it, what its fields hold included."""
    fields: str = page.evaluate(
        "[...document.querySelectorAll('input, textarea, select')].map((each) => each.value).join()"
    )
    return page.content() + fields


@contextmanager
def asked_by(page: Page) -> Iterator[list[str]]:
    """The addresses that it asks for meanwhile."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    yield asked
    page.remove_listener("request", note)


def test_a_wrong_key_is_announced_and_stored_nowhere(console: ConsolePage) -> None:
    console.try_to_sign_in("sentinel-of-a-wrong-key")
    expect(console.alert).to_contain_text("This key or token is unknown")
    expect(console.alert).to_be_focused()
    expect(console.button("Sign out")).to_be_hidden()
    assert "sentinel-of-a-wrong-key" not in everything(console.page)


@pytest.mark.parametrize("text", ["", "   ", "two words", "schlüssel"])
def test_what_can_be_no_key_is_not_sent(console: ConsolePage, text: str) -> None:
    console.field("API key or token").fill(text)
    with asked_by(console.page) as asked:
        console.button("Sign in").click()
        expect(console.alert).to_be_focused()
    assert asked == []


def test_the_sign_in_says_where_a_key_comes_from(console: ConsolePage) -> None:
    expect(console.field("API key or token")).to_be_focused()
    expect(console.page.get_by_text("No key yet? Ask your administrator.")).to_be_visible()


def test_a_valid_key_opens_the_page_and_stays_in_memory(console: ConsolePage) -> None:
    console.sign_in()
    expect(console.page.get_by_text("Signed in as tests")).to_be_visible()
    expect(console.field("API key or token")).to_be_hidden()
    assert API_KEY not in everything(console.page)
    assert API_KEY not in console.page.url


NAMED: Final[list[tuple[Any, str]]] = [
    ("navigation", "Path"), ("table", "Files"), ("searchbox", "Filter"),
]  # fmt: skip


def test_the_controls_are_called_what_they_are(console: ConsolePage) -> None:
    expect(console.field("API key or token")).to_have_attribute("type", "password")
    console.sign_in()
    for name in ("Upload", "Share", "Tools", "Sign out"):
        expect(console.button(name)).to_be_visible()
    console.share()
    console.page.get_by_text("Get files from others").click()
    for name in ("Create link", "Request files", "Close"):
        expect(console.drawer.get_by_role("button", name=name, exact=True)).to_be_visible()
    console.close_drawer()
    for name in ("Your access", "Troubleshoot"):
        expect(console.tool(name)).to_be_visible()
        console.page.keyboard.press("Escape")
        expect(console.button("Tools")).to_be_focused()
    for role, name in NAMED:
        expect(console.page.get_by_role(role, name=name, exact=True)).to_be_visible()
    for name in ("Files", "Folder"):
        expect(console.field(name)).to_have_attribute("type", "file")
    console.page.get_by_role("navigation", name="Path").get_by_text("objects").click()
    expect(console.heading).to_be_focused()


def test_people_read_what_they_may_do(console: ConsolePage) -> None:
    console.sign_in(LIMITED_KEY)
    access = console.tool("Your access")
    expect(access).to_contain_text("inbox in objects")
    expect(access.get_by_role("list").get_by_role("listitem").get_by_role("listitem")).to_have_text(
        ["Download files whose name you know", "Upload plain text and image files up to 1 MB"]
    )
    console.page.keyboard.press("Escape")
    limits = "Files up to 1 MB of these types: plain text, image."
    expect(console.page.get_by_text(limits, exact=True)).to_be_visible()
    expect(console.field("Replace files of the same name")).to_be_hidden()


def test_what_a_limit_forbids_is_not_sent(console: ConsolePage) -> None:
    with console.page.expect_response("**/openapi.json"):  # which the page asks for by itself
        console.sign_in(LIMITED_KEY)
    with asked_by(console.page) as asked:
        console.upload(
            text_file("long.txt", b"x" * (2 * MIB)), text_file("page.html", mime="text/html")
        )
        expect(console.item("long.txt")).to_contain_text("Files may have up to 1 MB here.")
        expect(console.item("page.html")).to_contain_text(
            "Only files of these types are allowed here"
        )
    assert asked == []


def test_what_is_not_granted_is_not_offered(console: ConsolePage) -> None:
    console.sign_in(READER_KEY)
    for name in ("Upload", "Upload folder", "New folder"):
        expect(console.button(name)).to_be_hidden()
    console.share()
    expect(console.button("Create link")).to_be_visible()
    expect(console.page.get_by_text("Get files from others")).to_be_hidden()


def test_signing_out_forgets_all_of_it(console: ConsolePage) -> None:
    console.sign_in()
    console.upload(text_file("forgotten.txt"))
    console.wait_until_sent("forgotten.txt")
    console.link("forgotten.txt")
    console.close_drawer()
    console.button("Sign out").click()
    expect(console.field("API key or token")).to_be_focused()
    left = everything(console.page)
    for word in ("forgotten.txt", "X-Amz-Signature", API_KEY):
        assert word not in left
    console.sign_in(READER_KEY)
    expect(console.field("File to share")).to_have_value("")


def test_signing_out_leaves_no_name_in_the_page(console: ConsolePage) -> None:
    console.harness.put("left-in/left-file.txt", b"x")
    console.sign_in()
    console.follow("left-in")
    console.button("left-file.txt").click()
    expect(console.page.get_by_role("dialog").locator("pre")).to_have_text("x")
    console.page.keyboard.press("Escape")
    console.new_folder("left-below")
    console.page.evaluate("location.hash = '#/objects/left-in/left-gone/'")
    expect(console.page.get_by_role("link", name="Go up to left-in")).to_be_visible()
    console.field("Filter").fill("left-filter")
    console.share()
    console.field("Valid for").select_option("1 day")
    console.page.get_by_text("Get files from others").click()
    expect(console.drawer).to_contain_text("left-gone")
    console.close_drawer()
    console.tool("Troubleshoot")
    console.page.get_by_text("Add details (optional)").click()
    console.field("Method").select_option("PUT")
    console.page.keyboard.press("Escape")
    console.button("Sign out").click()
    expect(console.field("API key or token")).to_be_focused()
    assert re.findall("left-[a-z]+", everything(console.page)) == []
    console.sign_in()
    console.share()
    expect(console.field("Valid for")).to_have_value(str(7 * 86400))
    console.close_drawer()
    console.tool("Troubleshoot")
    expect(console.field("Method")).to_have_value("")
    console.page.keyboard.press("Escape")


def test_who_signs_in_next_chooses_whether_the_key_is_kept(console: ConsolePage) -> None:
    kept = console.field("Keep me signed in in this tab")
    kept.check()
    console.sign_in()
    console.button("Sign out").click()
    expect(kept).not_to_be_checked()
    expect(console.page.get_by_text("Kept in this page only")).to_be_visible()


def test_an_expired_token_leads_to_the_sign_in_without_loss(console: ConsolePage) -> None:
    console.sign_in()
    held = hold(console.page, "**/v1/object-checks")
    console.share()
    console.field("File to share").fill("a.txt")
    console.button("Create link").click()
    route = first_held(console.page, held)
    console.close_drawer()
    console.button("Tools").click()
    expect(console.page.get_by_role("menu")).to_be_visible()
    expired(route)
    expect(console.alert.first).to_be_focused()
    expect(console.page.get_by_role("menu")).to_have_count(0)
    expect(console.button("Create link")).to_be_hidden()
    console.sign_in()
    expect(console.field("File to share")).to_have_value("a.txt")


def test_a_mistyped_key_loses_no_upload_that_waits(console: ConsolePage) -> None:
    console.sign_in()
    held = hold(console.page, "**/v1/upload-urls")
    console.upload(text_file("it waits.txt"))
    first_held(console.page, held)
    let_token_expire(console)
    console.page.unroute("**/v1/upload-urls")
    console.try_to_sign_in("a-mistyped-key")
    expect(console.alert.first).to_contain_text("This key or token is unknown")
    console.sign_in()
    console.wait_until_sent("it waits.txt")


def test_another_caller_finds_nothing_of_the_one_before(console: ConsolePage) -> None:
    console.harness.put("of one before/secret-gone.txt", b"x")
    console.sign_in()
    console.follow("of one before")
    held = hold(console.page, f"{console.harness.store_origin}/**")
    console.upload(text_file("secret-sent.txt"))
    console.item("secret-sent.txt").get_by_text("0 %").wait_for()
    console.act("secret-gone.txt", "Delete")
    expect(console.page.get_by_role("status")).to_contain_text("Deleted secret-gone.txt")
    let_token_expire(console, "secret-plan.txt")
    console.sign_in(READER_KEY)
    for route in held:
        route.fulfill(status=200)
    console.page.wait_for_timeout(500)
    assert re.findall("secret-[a-z]+", everything(console.page)) == []


def test_a_long_wait_is_announced(console: ConsolePage) -> None:
    page = console.page
    page.route("**/v1/caller", lambda r: refuse(r, 429, "Slow down.", "rate_limited", 900))
    console.try_to_sign_in()
    expect(console.alert).to_contain_text("Too many requests at once.")
    expect(console.alert).to_contain_text("Try again in 900 s.")


def test_a_service_that_does_not_answer_is_told_of(console: ConsolePage) -> None:
    console.page.route("**/v1/caller", lambda route: route.abort())
    console.try_to_sign_in()
    expect(console.alert).to_have_text(
        "The service did not respond. Check your connection and try again."
    )
    expect(console.alert).to_be_focused()


MARKUP: Final = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"


def test_names_and_words_are_text_whatever_is_in_them(console: ConsolePage) -> None:
    grant: dict[str, Any] = {
        "bucket": MARKUP, "prefix": f"{MARKUP}/", "allow": ["download", "upload", MARKUP],
        "allow_overwrite": True, "content_types": [MARKUP],
    }  # fmt: skip
    page = console.page
    matched = [{"claims": {"/groups": MARKUP}}]
    told = {"subject": MARKUP, "issuer": MARKUP, "grants": [grant], "matched": matched}
    page.route("**/v1/caller", lambda route: route.fulfill(json=told))
    page.route("**/v1/upload-urls", lambda route: refuse(route, 422, MARKUP, MARKUP))
    console.sign_in()
    console.upload(text_file(MARKUP.replace("/", "_"), mime=MARKUP))
    expect(console.alert.first).to_contain_text(MARKUP)
    expect(page.get_by_text(f"Signed in as {MARKUP}")).to_be_visible()
    expect(console.tool("Your access")).to_contain_text(f"You have it by groups: {MARKUP}.")
    assert page.locator("main img, main b, header b, header img").count() == 0
