"""Each test has a page of its own, and whatever it did is looked at when the test is done."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.console.house import Desk, House, console, gated_console, open_desk
from tests.support.service import API_KEY
from tests.support.stores import Store

SECRETS = (API_KEY, "X-Amz-Signature", "X-Amz-Security-Token")


@pytest.fixture(scope="session")
def house(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with console(ministack, tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture
def gated_house(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with gated_console(ministack, tmp_path_factory.mktemp("gated")) as running:
        yield running


@pytest.fixture(name="context")
def _context(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context(permissions=["clipboard-read", "clipboard-write"]) as opened:
        yield opened


@pytest.fixture(name="desk")
def _desk(context: BrowserContext, house: House) -> Iterator[Desk]:
    opened = open_desk(context, house)
    yield opened
    kept_to_itself(opened)


@pytest.fixture
def gated_desk(context: BrowserContext, gated_house: House) -> Iterator[Desk]:
    opened = open_desk(context, gated_house)
    yield opened
    kept_to_itself(opened)


def kept_to_itself(opened: Desk) -> None:
    """The page asked nobody else, broke no policy, logged nothing, and its address told nothing."""
    watch = opened.watch
    assert watch.strangers == []
    # Chromium itself logs that a request was refused, without its address.
    refused = "error: Failed to load resource: "
    assert [line for line in watch.logged if not line.startswith(refused)] == []
    assert [line for line in watch.logged if any(secret in line for secret in SECRETS)] == []
    assert set(watch.addresses) == {opened.house.url}
    assert opened.page.title() == "presign console"
    assert opened.page.evaluate("history.length") <= 2  # the empty page, and this one
    assert opened.page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert opened.page.context.cookies() == []
