"""Folders have addresses, and a sign-in that lasts where a person chose that."""

import re
from typing import Final

from playwright.sync_api import Page, expect

from tests.browser.console.conftest import kept_to_itself
from tests.browser.console.harness import (
    LISTER_KEY,
    READER_KEY,
    ConsolePage,
    expired,
    open_console,
)
from tests.support.service import API_KEY

ODD: Final = "50% %2F #1 ?x \u202e'é\""
SHOWN: Final = ODD.replace("\u202e", "\ufffd")
STORED: Final = "Object.values(sessionStorage).join()"


def at(console: ConsolePage, fragment: str) -> None:
    """Enter another address in the same page."""
    console.page.goto(f"{console.harness.url}{fragment}")


def test_back_forward_and_a_second_tab_find_the_folder(console: ConsolePage) -> None:
    console.harness.put(f"addresses/{ODD}//deep/a.txt", b"a")
    console.sign_in()
    console.follow("addresses", SHOWN, "/", "deep")
    expect(console.row("a.txt")).to_be_visible()
    expect(console.page).to_have_url(re.compile(r"^[!-~]+#/objects/addresses/[^?#]+//deep/$"))
    address = console.page.url
    back, forward = console.page.go_back, console.page.go_forward
    for step, name in ((back, "/"), (back, SHOWN), (back, "addresses"), (forward, SHOWN)):
        step()
        expect(console.heading).to_have_text(name)
        expect(console.heading).to_be_focused()
    expect(console.button("Sign out")).to_be_visible()
    other = open_console(console.page.context, console.harness, address)
    expect(other.button("Sign out")).to_be_hidden()  # it is another tab
    other.try_to_sign_in()
    expect(other.row("a.txt")).to_be_visible()
    expect(other.page).to_have_url(address)
    other.button("Sign out").click()
    expect(other.page).to_have_url(other.harness.url)
    kept_to_itself(other)


def titled(console: ConsolePage, title: str) -> None:
    expect(console.page).to_have_title(title)


def test_each_folder_has_its_own_title(console: ConsolePage) -> None:
    page = console.page
    console.harness.put(f"titles/{ODD}//a.txt", b"a")
    titled(console, "presign")
    console.try_to_sign_in()
    titled(console, "Your buckets · presign")
    console.follow("objects", "titles", SHOWN, "/")
    titled(console, "/ · presign")
    for step, name in (
        (page.go_back, SHOWN),
        (page.go_back, "titles"),
        (page.go_back, "objects"),
        (page.go_forward, "titles"),
    ):
        step()
        titled(console, f"{name} · presign")
    page.route("**/v1/objects?*", expired)
    page.go_forward()
    expect(console.alert).to_contain_text("Your sign-in has expired.")
    titled(console, "presign")
    page.unroute("**/v1/objects?*")
    console.try_to_sign_in()
    titled(console, f"{SHOWN} · presign")
    console.button("Sign out").click()
    titled(console, "presign")


def test_an_address_that_leads_nowhere_says_so_and_leads_up(console: ConsolePage) -> None:
    console.harness.put("addresses/here.txt", b"here")
    console.sign_in()
    at(console, "#/objects/addresses/gone")
    empty = console.page.locator("#empty")
    expect(empty).to_contain_text("There is no such folder, or it is empty")
    expect(console.page).to_have_url(f"{console.harness.url}#/objects/addresses/gone/")
    empty.get_by_role("link", name="Go up to addresses").click()
    expect(console.row("here.txt")).to_be_visible()
    at(console, "#/nobodys/folder/")
    expect(empty).to_contain_text("“nobodys” does not exist, or you have no access")
    empty.get_by_role("link", name="Go to all files").click()
    expect(console.heading).to_have_text("Your buckets")
    at(console, "#/%E0%A4%A")
    expect(console.page.get_by_role("list", name="Messages")).to_have_text(
        "The address that you opened leads to no folder."
    )
    expect(console.heading).to_have_text("Your buckets")


def test_an_address_shows_nothing_of_the_caller_before(console: ConsolePage) -> None:
    console.harness.put("reports/2026/private.txt", b"p")
    at(console, "#/objects/reports/2026/")
    console.sign_in(LISTER_KEY)
    expect(console.row("private.txt")).to_be_visible()
    at(console, "#/objects/")
    expect(console.heading).to_have_text("objects")
    console.button("Sign out").click()
    console.page.go_back()  # to the folder's address, where nobody is signed in
    expect(console.button("Sign in")).to_be_visible()
    console.sign_in(READER_KEY)
    expect(console.page.get_by_text("You cannot see the files in this folder")).to_be_visible()
    expect(console.row("private.txt")).to_be_hidden()


def keep(console: ConsolePage, key: str = API_KEY) -> None:
    console.field("Keep me signed in in this tab").check()
    console.try_to_sign_in(key)
    expect(console.button("Sign out")).to_be_visible()


def said_to_be_kept(page: Page) -> str:
    return page.locator("#kept-in-page:visible, #kept-in-tab:visible").inner_text()


def test_a_key_is_kept_in_the_tab_only_by_choice(console: ConsolePage) -> None:
    page = console.page
    assert said_to_be_kept(page) == "Kept in this page only: reloading the page signs you out."
    console.sign_in()
    assert page.evaluate(STORED) == ""
    page.reload()
    expect(console.button("Sign in")).to_be_visible()
    console.field("Keep me signed in in this tab").check()
    assert said_to_be_kept(page).startswith("Kept in this tab: you stay signed in")
    at(console, "#/objects/reports/")
    keep(console)
    page.reload()
    expect(console.heading).to_have_text("reports")
    page.goto("about:blank")
    page.go_back()
    expect(console.heading).to_have_text("reports")
    other = open_console(page.context, console.harness)
    expect(other.button("Sign in")).to_be_visible()  # another tab has no part in it
    other.page.close()
    assert page.evaluate(STORED) == API_KEY
    console.button("Sign out").click()
    expect(console.button("Sign in")).to_be_visible()
    assert page.evaluate(STORED) == ""
    page.reload()
    expect(console.button("Sign in")).to_be_visible()


def test_a_kept_key_that_has_expired_is_forgotten(console: ConsolePage) -> None:
    page = console.page
    keep(console)
    page.route("**/v1/caller", expired)
    page.reload()
    expect(console.alert).to_contain_text("Your sign-in has expired. Sign in again.")
    assert page.evaluate(STORED) == ""


def test_a_kept_key_waits_for_a_service_that_is_away(console: ConsolePage) -> None:
    page = console.page
    keep(console)
    page.route("**/v1/caller", lambda route: route.abort())
    page.reload()
    expect(console.alert).to_contain_text("The service did not respond.")
    page.unroute("**/v1/caller")
    console.alert.get_by_role("button", name="Try again").click()
    expect(console.button("Sign out")).to_be_visible()
    console.button("Sign out").click()
    expect(console.button("Sign in")).to_be_visible()
