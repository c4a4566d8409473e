"""Signing in at an issuer: a real OpenID provider, and answers that somebody tampered with."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.axe import fits, violations
from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.harness import (
    ConsolePage,
    Harness,
    check_first_paint,
    expired,
    first_held,
    hold,
    open_console,
    text_file,
)
from tests.browser.console.identity_provider import PERSON, run_console_with_issuer
from tests.browser.waiting import until
from tests.support.late import again_if_late
from tests.support.service import API_KEY
from tests.support.stores import Store

FINDING: Final = {
    "code": "expired", "proven": True, "summary": "It ran out.", "fix": "Ask for another.",
}  # fmt: skip
MARKUP: Final = "<img src=x onerror=\"document.title='broken'\">"


@pytest.fixture(scope="module", name="provider")
def _provider(
    ministack: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Harness, str]]:
    with run_console_with_issuer(ministack, tmp_path_factory.mktemp("issuer")) as running:
        yield running


@pytest.fixture(name="console")
def _console(context: BrowserContext, provider: tuple[Harness, str]) -> Iterator[ConsolePage]:
    harness, issuer = provider
    context.route("https://fonts.googleapis.com/**", lambda route: route.abort())
    opened = open_console(context, harness)
    opened.watch.allowed |= {issuer, "https://fonts.googleapis.com"}  # its pages ask for fonts
    yield opened
    # Chromium has advice for the pages of the provider.
    opened.watch.logged[:] = [
        each for each in opened.watch.logged if "[DOM]" not in each and "Autofocus" not in each
    ]
    kept_to_itself(opened, title="Acme files", is_moved=True)


@pytest.fixture
def issuer(provider: tuple[Harness, str]) -> str:
    return provider[1]


def prove(page: Page, person: str = PERSON) -> None:
    """Fill in the provider's pages."""
    page.get_by_placeholder("Enter any login").fill(person)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def sign_in(console: ConsolePage, person: str = PERSON) -> None:
    console.button("Sign in with acme").click()
    prove(console.page, person)


def tamper_with_answer(console: ConsolePage, old: str, new: str) -> None:
    """Change the address before the page's scripts read it."""
    change = f"location.href.replace({json.dumps(old)}, {json.dumps(new)})"
    script = f"if (location.search) history.replaceState(null, '', {change})"
    console.page.add_init_script(script)


def test_people_sign_in_with_their_account(console: ConsolePage) -> None:
    """They land at the address that they opened, of which the issuer learns nothing."""
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(f"{request.url} {request.post_data}"))
    address = f"{console.harness.url}#/objects/of%20a%20colleague/"
    console.page.goto(address)
    sign_in(console)
    expect(console.page.get_by_text(f"Signed in as {PERSON}")).to_be_visible()
    expect(console.heading).to_have_text("of a colleague")
    expect(console.page).to_have_url(address)
    assert "eyJ" not in console.page.content()  # of a token
    assert [url for url in asked if "colleague" in url and "/v1/objects" not in url] == []


def test_the_code_is_in_no_log_of_the_service(
    console: ConsolePage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sign_in(console)
    console.button("Sign out").wait_for()
    (answer,) = (each for each in console.watch.addresses if "code=" in each)
    (code,) = parse_qs(urlsplit(answer).query)["code"]
    logs = list(tmp_path_factory.getbasetemp().glob("issuer*/output.log"))
    assert logs
    assert all(code not in log.read_text() for log in logs)


def test_the_sign_in_is_reached_by_keyboard(console: ConsolePage) -> None:
    console.page.keyboard.press("Tab")
    expect(console.button("Sign in with acme")).to_be_focused()
    console.page.keyboard.press("Enter")
    prove(console.page)
    expect(console.page.get_by_text(f"Signed in as {PERSON}")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (360, "dark")])
def test_axe_finds_nothing_with_a_pale_colour(
    chromium: Browser, provider: tuple[Harness, str], width: int, scheme: Any
) -> None:
    """Yellow cannot be read on white, so the page must have changed it."""
    with chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    ) as context:
        context.route("**/v1/diagnoses", lambda route: route.fulfill(json={"findings": [FINDING]}))
        opened = open_console(context, provider[0])
        assert violations(opened.page) == []
        opened.page.goto(f"{opened.harness.url}?state=x&code=x")
        expect(opened.alert).to_be_visible()
        assert violations(opened.page) == []
        opened.sign_in()
        opened.tool("Troubleshoot")
        opened.page.get_by_text("Add details (optional)").click()
        opened.field("URL or curl command").fill("https://store.example/a?X-Amz-Signature=0")
        opened.button("Diagnose").click()
        opened.page.get_by_text("It ran out.").wait_for()
        assert violations(opened.page) == []
        assert fits(opened.page)


@again_if_late
def test_the_first_paint_needs_little_with_an_issuer(console: ConsolePage) -> None:
    check_first_paint(console)


def test_a_key_opens_the_page_too(console: ConsolePage) -> None:
    console.sign_in(API_KEY)
    expect(console.page.get_by_text("Signed in as tests")).to_be_visible()


def test_who_cancels_is_back_on_the_page(console: ConsolePage) -> None:
    console.button("Sign in with acme").click()
    console.page.get_by_text("[ Cancel ]").click()
    expect(console.alert).to_contain_text("You were not signed in: acme did not allow it.")
    expect(console.alert).to_be_focused()
    expect(console.page).to_have_url(console.harness.url)


def test_an_answer_that_nobody_asked_for_is_refused(console: ConsolePage) -> None:
    said = "error=server_error&error_description=Call+me&state=x"
    for answer in ("code=c0de&state=x", said):
        console.page.goto(f"{console.harness.url}?{answer}#/objects/theirs/")
        expect(console.alert).to_have_text(
            "This sign-in was not started here, or is too old. Start again."
        )
        expect(console.page).to_have_url(console.harness.url)
        assert "Call me" not in console.page.content()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("state=", "This sign-in was not started here"),
        ("iss=", "The answer did not come from acme."),
    ],
)
def test_a_changed_answer_is_refused(console: ConsolePage, part: str, message: str) -> None:
    exchanged: list[str] = []
    console.page.on("request", lambda request: exchanged.append(request.url))
    tamper_with_answer(console, part, f"{part}x")
    sign_in(console)
    expect(console.alert).to_contain_text(message)
    assert not [url for url in exchanged if url.endswith("/token")]


def test_an_answer_of_another_issuer_is_refused_without_iss(console: ConsolePage) -> None:
    tamper_with_answer(console, "iss=", "was=")
    sign_in(console)
    expect(console.alert).to_contain_text("The answer did not come from acme.")


def test_what_an_issuer_says_is_text(console: ConsolePage) -> None:
    refusal = urlencode({"error": "server_error", "error_description": MARKUP})
    tamper_with_answer(console, "code=", f"{refusal}&was=")
    sign_in(console)
    expect(console.alert).to_contain_text(f"acme did not sign you in. It says: “{MARKUP}”")
    assert console.page.locator("main img").count() == 0


def test_a_code_works_once(console: ConsolePage) -> None:
    def use_it_first(route: Route) -> None:
        assert route.fetch().ok
        route.continue_()

    console.page.route("**/token", use_it_first)
    sign_in(console)
    expect(console.alert).to_contain_text("The sign-in took too long, or was used before.")


def test_a_token_for_another_sign_in_is_refused(console: ConsolePage) -> None:
    console.page.route(
        "**/auth?*",
        lambda route: route.continue_(url=route.request.url.replace("nonce=", "nonce=x")),
    )
    sign_in(console)
    expect(console.alert).to_contain_text("acme sent a token that is not for this sign-in.")


def test_an_issuer_that_does_not_answer_is_named(console: ConsolePage) -> None:
    console.page.route("**/.well-known/openid-configuration", lambda route: route.abort())
    console.button("Sign in with acme").click()
    expect(console.alert).to_contain_text("acme cannot be reached.")
    expect(console.button("Sign in with acme")).to_be_visible()


def test_signing_out_ends_the_session_of_the_issuer(console: ConsolePage) -> None:
    sign_in(console)
    addresses: list[str] = []
    console.page.on("request", lambda request: addresses.append(request.url))
    console.button("Sign out").click()
    console.page.get_by_role("button", name="Yes, sign me out").click()
    console.page.wait_for_url(console.harness.url)
    assert not [url for url in addresses if "eyJ" in url]
    sign_in(console)  # the issuer asks again
    console.button("Sign out").wait_for()


def let_sign_in_expire(console: ConsolePage) -> None:
    """The page learns it when it uploads a file, which waits then."""
    console.page.route("**/v1/**", expired)
    console.field("Files").set_input_files(text_file("kept-through-sign-in.txt"))
    expect(console.alert.first).to_contain_text("Your sign-in has expired.")
    console.page.unroute("**/v1/**")


def test_signing_in_again_keeps_the_page(console: ConsolePage) -> None:
    sign_in(console)
    console.button("Sign out").wait_for()
    page = console.page
    page.evaluate("window.kept = true")
    let_sign_in_expire(console)
    with page.context.expect_page() as opened:
        console.button("Sign in again with acme").click()
    until(opened.value.is_closed, page)
    expect(page.get_by_text(f"Signed in as {PERSON}")).to_be_visible()
    assert page.evaluate("window.kept")
    expect(console.item("kept-through-sign-in.txt")).to_contain_text("Uploaded")


def test_the_second_of_two_who_sign_in_at_once_is_in(console: ConsolePage) -> None:
    held = hold(console.page, "**/workspace.js")
    sign_in(console)
    route = first_held(console.page, held)
    with console.page.expect_response("**/v1/caller"):
        console.try_to_sign_in()
    console.page.wait_for_timeout(500)
    route.continue_()
    expect(console.page.get_by_text("Signed in as tests")).to_be_visible()
    console.follow("objects")
    console.upload(text_file("sent once.txt"))
    console.wait_until_sent("sent once.txt")
    expect(console.item("sent once.txt")).to_have_count(1)


def test_a_late_sign_in_at_the_issuer_replaces_nobody(console: ConsolePage) -> None:
    sign_in(console)
    console.button("Sign out").wait_for()
    let_sign_in_expire(console)
    held = hold(console.page, "**/token")
    console.button("Sign in again with acme").click()
    route = first_held(console.page, held)
    console.sign_in(API_KEY)
    signed_in = console.page.get_by_text("Signed in as tests")
    expect(signed_in).to_be_visible()
    with console.page.expect_response("**/token"):
        route.continue_()
    console.page.wait_for_timeout(500)
    expect(signed_in).to_be_visible()


def test_an_issuer_that_answers_late_takes_nobody_away(console: ConsolePage) -> None:
    held = hold(console.page, "**/.well-known/openid-configuration")
    console.button("Sign in with acme").click()
    route = first_held(console.page, held)
    console.try_to_sign_in()
    signed_in = console.page.get_by_text("Signed in as tests")
    expect(signed_in).to_be_visible()
    route.continue_()
    console.page.wait_for_timeout(500)
    expect(signed_in).to_be_visible()


def test_a_window_that_does_not_open_is_explained(console: ConsolePage) -> None:
    sign_in(console)
    console.button("Sign out").wait_for()
    let_sign_in_expire(console)
    console.page.evaluate("window.open = () => null")  # as a browser that blocks windows
    console.button("Sign in again with acme").click()
    expect(console.alert.first).to_contain_text("Your browser did not open a window.")


def test_a_token_that_the_service_refuses_is_explained(console: ConsolePage) -> None:
    console.page.route("**/v1/caller", expired)
    sign_in(console)
    expect(console.alert).to_contain_text("acme signed you in, but you have no access here.")


def test_a_person_without_access_is_told_so(console: ConsolePage) -> None:
    sign_in(console, "eve")
    expect(console.page.get_by_text("You have no access to files yet")).to_be_visible()
