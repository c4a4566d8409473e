"""Pages in Debian's headless Chromium, against the service in its real process.

The package without a window takes half of the CPU time of the whole browser: 0.31 s for a test of
the console, and 0.58.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.clients.toolchains import tool
from tests.end_to_end.conftest import ministack

__all__ = ["ministack"]  # a fixture, found by name

expect.set_options(timeout=20_000)  # milliseconds: the machine may be busy

# As root Chromium has no sandbox; the rest keeps it from calling its maker's hosts.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = tool("chromium-headless-shell", "chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context() as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
