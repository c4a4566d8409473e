"""docs/guides/web-page.md in Chromium: the example page uploads a file, and gives it back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.clients.backends import Backend, run_backend
from tests.support.stores import Store

GUIDE: Final = "docs/guides/web-page.md"
NAME: Final = "R\u00e9sum\u00e9 #1 50%.txt"


@pytest.fixture(scope="module")
def backend(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with run_backend(ministack, tmp_path_factory.mktemp("backend"), GUIDE) as running:
        yield running


@pytest.fixture(name="example")
def _example(chromium: Browser, backend: Backend) -> Iterator[Page]:
    """The page of the user `ann`."""
    user = chromium.new_context(http_credentials={"username": "ann", "password": "secret"})
    with user as context:
        page = context.new_page()
        page.goto(backend.url)
        yield page


def choose(page: Page, name: str, body: bytes) -> None:
    file = FilePayload(name=name, mimeType="text/plain", buffer=body)
    page.set_input_files("input", file)


def test_the_page_uploads_a_file_and_links_to_it(example: Page, tmp_path: Path) -> None:
    choose(example, NAME, b"hello")
    link = example.get_by_role("link", name=NAME)
    expect(example.get_by_role("status")).to_contain_text("Stored:")
    expect(example.get_by_label("File")).to_have_value("")  # the next may be the same
    assert (
        example.get_by_role("progressbar", include_hidden=True).evaluate("(bar) => bar.value") == 1
    )
    with example.expect_download() as started:
        link.click()
    started.value.save_as(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"hello"
    assert started.value.suggested_filename == NAME


def test_the_page_says_why_a_file_is_refused(example: Page) -> None:
    larger = "() => Object.defineProperty(File.prototype, 'size', {get: () => 50 * 1024 ** 2 + 1})"
    example.evaluate(larger)  # no such file needs to be made
    choose(example, "larger.txt", b"hello")
    refusal = "Your grant allows at most 52428800 bytes."
    expect(example.get_by_role("status")).to_have_text(refusal)
