"""Links over stores that verify signatures. Whatever a page did is looked at after its test."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.links.harness import LinkPage, LinksHarness, open_link, run_links
from tests.end_to_end.conftest import seaweedfs
from tests.support.stores import Store

__all__ = ["seaweedfs"]  # a fixture, found by name

Open = Callable[[str], LinkPage]


@pytest.fixture(scope="session")
def links(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinksHarness]:
    with run_links(ministack, tmp_path_factory.mktemp("links")) as running:
        yield running


@pytest.fixture(scope="session", params=["ministack", "seaweedfs"])
def links_of_each_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LinksHarness]:
    store: Store = request.getfixturevalue(request.param)
    with run_links(store, tmp_path_factory.mktemp(f"links-{store.name}")) as running:
        yield running


@pytest.fixture(name="opened")
def _opened(context: BrowserContext) -> Iterator[list[LinkPage]]:
    pages: list[LinkPage] = []
    yield pages
    for each in pages:
        kept_to_itself(each)


@pytest.fixture(name="open_page")
def _open_page(
    context: BrowserContext, links: LinksHarness, opened: list[LinkPage]
) -> Iterator[Open]:
    def open_page(url: str) -> LinkPage:
        opened.append(open_link(context, links, url))
        return opened[-1]

    yield open_page
    links.gate.open()  # if the test failed before it did


def kept_to_itself(opened: LinkPage) -> None:
    """The page asked no other host, kept its policy, logged nothing and stored nothing."""
    assert opened.watch.strangers == []
    # Chromium itself logs that a request was refused, without its address.
    refused = "error: Failed to load resource: "
    assert [line for line in opened.watch.logged if not line.startswith(refused)] == []
    assert opened.page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert opened.page.context.cookies() == []
