"""A link: what it gives, how long it says that it lasts, and the code that does the same."""

import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.console.harness import ODD, READER_KEY, SHORT, SHORT_KEY, ConsolePage


def get(url: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(url)


def test_a_link_downloads_the_very_bytes_under_the_objects_name(
    console: ConsolePage, tmp_path: Path
) -> None:
    console.harness.put(f"shared/{ODD}", b"shared bytes")
    console.sign_in()
    url = console.link(f"shared/{ODD}")
    assert get(url).content == b"shared bytes"
    expect(console.button("Copy")).to_be_focused()
    console.button("Copy").click()
    assert console.page.evaluate("navigator.clipboard.readText()") == url
    with console.page.expect_download() as downloaded:
        console.page.get_by_role("link", name="Download").click()
    saved = tmp_path / "saved"
    downloaded.value.save_as(saved)
    assert saved.read_bytes() == b"shared bytes"


def test_a_link_ends_when_the_countdown_says(console: ConsolePage) -> None:
    console.harness.put("short.txt", b"short")
    console.sign_in(SHORT_KEY)
    expect(console.field("Valid for")).to_have_value(str(SHORT))
    url = console.link("short.txt")
    began = time.monotonic()
    expect(console.page.get_by_role("timer")).to_contain_text("Expires in")
    assert get(url).status_code == 200
    expect(console.page.get_by_role("timer")).to_have_text("This link has expired")
    lasted = time.monotonic() - began
    assert SHORT - 2 < lasted < SHORT + 1.5
    time.sleep(1.5)  # the countdown never promises more: the store may be a second behind
    assert get(url).status_code == 403
    assert url not in console.page.content()
    expect(console.field("Address")).to_be_hidden()
    expect(console.page.get_by_role("link", name="Download")).to_be_hidden()
    expect(console.button("Link")).to_be_focused()


def test_the_countdown_goes_by_the_services_clock(console: ConsolePage) -> None:
    console.harness.put("clock.txt", b"clock")
    console.page.add_init_script("const late = Date.now; Date.now = () => late() + 3600e3;")
    console.page.reload()
    console.sign_in()
    console.link("clock.txt")
    expect(console.page.get_by_role("timer")).to_contain_text("Expires in 14 min 5")


def test_an_end_that_came_earlier_than_asked_is_explained(console: ConsolePage) -> None:
    def shorten(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "limited_by": "session"})

    console.harness.put("limited.txt", b"limited")
    console.page.route("**/v1/download-urls", shorten)
    console.sign_in()
    console.link("limited.txt")
    expect(console.page.get_by_text("The session that signed it ends then.")).to_be_visible()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "Name the object to share."),
        ("a/../b", "A name or folder cannot be “.” or “..”"),
        ("nowhere.txt", "The bucket has no object with this name."),
    ],
)
def test_what_cannot_be_shared_is_told(console: ConsolePage, key: str, words: str) -> None:
    console.sign_in()
    console.field("Object").fill(key)
    console.button("Link").click()
    expect(console.alert).to_contain_text(words)
    expect(console.alert).to_be_focused()


def test_what_is_outside_of_the_grants_is_not_asked_for(console: ConsolePage) -> None:
    console.sign_in(READER_KEY)
    console.page.route("**/v1/**", lambda route: route.abort())
    console.field("Object").fill("reports/2025/a.txt")
    console.button("Link").click()
    said = "Your grants do not let you download an object with this name."
    expect(console.alert).to_have_text(said)


def test_only_lifetimes_that_are_granted_are_offered(console: ConsolePage) -> None:
    console.sign_in(SHORT_KEY)
    assert console.field("Valid for").locator("option").all_text_contents() == ["4 s"]
    console.button("Sign out").click()
    console.sign_in()
    told = console.field("Valid for").locator("option").all_text_contents()
    assert told == ["1 min", "5 min", "15 min", "1 h", "4 h", "1 d", "7 d"]
