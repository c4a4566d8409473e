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
    expect(console.alert).to_contain_text("valid API key or token")
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


def test_a_valid_key_opens_the_page_and_stays_in_memory(console: ConsolePage) -> None:
    console.sign_in()
    expect(console.page.get_by_text("Signed in as tests")).to_be_visible()
    expect(console.field("API key or token")).to_be_hidden()
    assert API_KEY not in everything(console.page)
    assert API_KEY not in console.page.url


def test_the_controls_are_called_what_they_are(console: ConsolePage) -> None:
    expect(console.field("API key or token")).to_have_attribute("type", "password")
    console.sign_in()
    for name in ("Bucket", "Folder", "Files"):
        expect(console.field(name)).to_be_visible()
    for name in ("Upload", "Link", "Sign out"):
        expect(console.button(name)).to_be_visible()
    expect(console.page.get_by_role("heading", name="Where")).to_be_focused()


def test_what_one_may_do_is_said_before_an_upload(console: ConsolePage) -> None:
    console.sign_in(LIMITED_KEY)
    told = console.page.get_by_role("complementary")
    expect(told).to_contain_text("objects / inbox/")
    for operation in ("upload", "multipart", "check", "download"):
        expect(told.get_by_text(operation, exact=True)).to_be_visible()
    expect(told).to_contain_text("Files of at most 1 MiB, of type text/plain, image/*.")
    expect(told).to_contain_text("May not replace objects.")
    expect(console.field("Folder")).to_have_value("inbox/")
    expect(console.page.locator("#folders option")).to_have_attribute("value", "inbox/")
    expect(console.field("Files")).to_have_accessible_description(
        "Files of at most 1 MiB, of type text/plain, image/*."
    )
    expect(console.page.get_by_label("Replace objects of the same name")).to_be_hidden()


def test_what_a_limit_forbids_is_told_and_never_asked_for(console: ConsolePage) -> None:
    console.sign_in(LIMITED_KEY)
    with asked_by(console.page) as asked:
        console.upload(
            text_file("long.txt", b"x" * (MIB + 1)), text_file("page.html", mime="text/html")
        )
        expect(console.alert).to_have_text(
            "None of these files can be uploaded. Each one shows the reason."
        )
        expect(console.alert).to_be_focused()
    assert asked == []
    expect(console.item("long.txt")).to_contain_text("your grant allows at most 1 MiB")
    expect(console.item("page.html")).to_contain_text("Its type is text/html; your grant allows")
    console.field("Folder").fill("elsewhere")
    expect(console.item("long.txt")).to_contain_text("in this folder")
    reason = console.page.get_by_text("Your grants do not allow uploads to this folder.")
    expect(reason).to_be_visible()


def test_what_is_not_granted_is_not_offered(console: ConsolePage) -> None:
    console.sign_in(READER_KEY)
    expect(console.button("Link")).to_be_visible()
    expect(console.button("Upload")).to_be_hidden()
    expect(console.field("Files")).to_be_hidden()


def test_signing_out_forgets_all_of_it(console: ConsolePage) -> None:
    console.sign_in()
    console.upload(text_file("forgotten.txt"))
    console.wait_until_sent("forgotten.txt")
    console.link("forgotten.txt")
    console.button("Sign out").click()
    expect(console.field("API key or token")).to_be_focused()
    left = everything(console.page)
    for word in ("forgotten.txt", "X-Amz-Signature", API_KEY):
        assert word not in left
    console.sign_in(READER_KEY)
    expect(console.field("Object")).to_have_value("")


def test_an_expired_token_leads_to_the_sign_in_without_loss(console: ConsolePage) -> None:
    console.sign_in()
    let_token_expire(console, "a.txt")
    expect(console.alert).to_contain_text("It ran out.")
    expect(console.alert).to_be_focused()
    expect(console.button("Link")).to_be_hidden()
    console.sign_in()
    expect(console.field("Object")).to_have_value("a.txt")


def test_another_caller_finds_nothing_of_the_one_before(console: ConsolePage) -> None:
    console.sign_in()
    held = hold(console.page, f"{console.harness.store_origin}/**")
    console.upload(text_file("secret-sent.txt"))
    console.item("secret-sent.txt").get_by_text("Sending").wait_for()
    console.choose(text_file("secret-file.txt"))
    let_token_expire(console, "secret-plan.txt")
    console.sign_in(READER_KEY)
    for route in held:
        route.fulfill(status=200)
    console.page.wait_for_timeout(500)
    assert re.findall("secret-[a-z]+", everything(console.page)) == []


def test_who_is_to_wait_too_long_is_told_so(console: ConsolePage) -> None:
    page = console.page
    page.route("**/v1/caller", lambda r: refuse(r, 429, "Slow down.", "rate_limited", 900))
    console.try_to_sign_in()
    expect(console.alert).to_contain_text("Slow down.")
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
    told = {"subject": MARKUP, "issuer": MARKUP, "grants": [grant]}
    page.route("**/v1/caller", lambda route: route.fulfill(json=told))
    page.route("**/v1/download-urls", lambda route: refuse(route, 422, MARKUP, MARKUP))
    console.sign_in()
    console.choose(text_file(MARKUP.replace("/", "_"), mime=MARKUP))
    console.field("Object").fill(f"{MARKUP}/a")
    console.button("Link").click()
    expect(console.alert).to_have_text(MARKUP)
    expect(page.get_by_text(f"Signed in as {MARKUP}")).to_be_visible()
    assert page.locator("main img, main b, header b").count() == 0
    assert page.locator("img").count() == 1  # the mark in the header
