"""Each test has a page of its own, and whatever it did is looked at when the test is done."""

from collections.abc import Iterator
from urllib.parse import urldefrag

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.console.harness import (
    ConsolePage,
    Harness,
    open_console,
    run_console,
    run_gated_console,
)
from tests.support.service import API_KEY
from tests.support.stores import Store

# All that the page has in the browser's databases, as one text.
KEPT = """async () => {
  const kept = [];
  for (const { name } of await indexedDB.databases()) {
    const opening = indexedDB.open(name);
    await new Promise((done) => (opening.onsuccess = done));
    const database = opening.result;
    for (const store of database.objectStoreNames) {
      const reading = database.transaction(store).objectStore(store).getAll();
      await new Promise((done) => (reading.onsuccess = done));
      kept.push(reading.result);
    }
    database.close();
  }
  return JSON.stringify(kept);
}"""
EMPTY = "about:blank"
SECRETS = (API_KEY, "X-Amz-Signature", "X-Amz-Security-Token")


@pytest.fixture(scope="session")
def harness(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with run_console(ministack, tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="session")
def gated(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with run_gated_console(ministack, tmp_path_factory.mktemp("gated")) as running:
        yield running


@pytest.fixture
def gated_harness(gated: Harness) -> Iterator[Harness]:
    yield gated
    gated.way.open()  # if the test failed before it did
    gated.way.cut()


@pytest.fixture(name="context")
def _context(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context(permissions=["clipboard-read", "clipboard-write"]) as opened:
        yield opened


@pytest.fixture(name="console")
def _console(context: BrowserContext, harness: Harness) -> Iterator[ConsolePage]:
    opened = open_console(context, harness)
    yield opened
    kept_to_itself(opened)


@pytest.fixture
def gated_console(gated_harness: Harness, context: BrowserContext) -> Iterator[ConsolePage]:
    opened = open_console(context, gated_harness)
    yield opened
    kept_to_itself(opened)


def kept_to_itself(opened: ConsolePage, title: str = "presign", *, is_moved: bool = False) -> None:
    """The page asked nobody else, broke no policy, logged nothing, and its address told no secret."""
    watch = opened.watch
    assert watch.strangers == []
    # Chromium itself logs that a request was refused, without its address.
    refused = "error: Failed to load resource: "
    assert [line for line in watch.logged if not line.startswith(refused)] == []
    assert [line for line in watch.logged if any(secret in line for secret in SECRETS)] == []
    if not is_moved:
        assert {urldefrag(each).url for each in watch.addresses} <= {opened.harness.url, EMPTY}
    assert [each for each in watch.addresses if any(secret in each for secret in SECRETS)] == []
    folder = opened.heading.text_content() if opened.heading.is_visible() else ""
    assert opened.page.title() == (f"{folder} · {title}" if folder else title)
    assert opened.page.evaluate("localStorage.length + sessionStorage.length") == 0
    kept = opened.page.evaluate(KEPT)
    assert [secret for secret in SECRETS if secret in kept] == []
    assert opened.page.context.cookies(opened.harness.url) == []
