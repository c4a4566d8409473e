"""The client for JavaScript in Chromium: the module that the console's page loads, on that page.

`tests/browser/console` pauses, resumes and cancels uploads with it.
"""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route

from release.packages import npm_package
from release.version import ROOT
from tests.browser.console.harness import Harness, run_gated_console
from tests.support.service import API_KEY
from tests.support.stores import Store

# The file is the same after a reload, and no two parts of it are alike.
UPLOAD: Final = """
async ({ token, key, isAborted, module }) => {
  const { Presign } = await import(module);
  const content = new Uint8Array(16 * 2 ** 20).map((_, at) => (at * 7 + (at >> 16)) % 251);
  const file = new File([content], key, { lastModified: 1 });
  const presign = new Presign({ url: "/", token });
  const seen = [];
  const stop = new AbortController();
  const onProgress = (at) => {
    seen.push(at.sent);
    if (isAborted && at.sent > 11 * 2 ** 20) stop.abort();
  };
  const options = { partSize: 5 * 2 ** 20, parallel: 1, resume: localStorage, onProgress, signal: stop.signal };
  const done = await presign.upload(file, { bucket: "objects", key, ...options }).catch((error) => error);
  return { seen, name: done.name, size: done.size, notes: Object.values(localStorage) };
}
"""
MODULE: Final = "/console/client/presign.js"
PART: Final = 5 * 1024**2
SIZE: Final = 16 * 1024**2


@pytest.fixture(scope="module")
def harness(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with run_gated_console(ministack, tmp_path_factory.mktemp("javascript")) as running:
        yield running


def upload(
    page: Page, harness: Harness, key: str, *, is_aborted: bool = False, module: str = MODULE
) -> Any:
    page.goto(harness.url)
    asked = {"token": API_KEY, "key": key, "isAborted": is_aborted, "module": module}
    return page.evaluate(UPLOAD, asked)


def test_progress_counts_the_bytes_of_a_part(page: Page, harness: Harness) -> None:
    harness.way.delay_seconds = 0.01  # else a part is sent before Chromium tells of it: each 100 ms
    try:
        done = upload(page, harness, "progress.bin")
    finally:
        harness.way.delay_seconds = 0.0

    assert (done["size"], done["notes"]) == (SIZE, [])
    assert done["seen"] == sorted(done["seen"])
    assert done["seen"][-1] == SIZE
    assert any(0 < sent % PART < PART - 1 for sent in done["seen"][:-2])  # not whole parts only
    assert len(harness.read("progress.bin")) == SIZE


def test_an_aborted_upload_is_resumed_after_a_reload(page: Page, harness: Harness) -> None:
    aborted = upload(page, harness, "resumed.bin", is_aborted=True)
    harness.way.cut()  # what the browser had sent may be on its way
    before = harness.way.passed

    resumed = upload(page, harness, "resumed.bin")

    assert aborted["name"] == "AbortError"
    assert "uploadId" in aborted["notes"][0]
    assert API_KEY not in aborted["notes"][0]
    assert "X-Amz-" not in aborted["notes"][0]
    assert resumed["size"] == SIZE
    assert harness.way.passed - before < SIZE - 2 * PART + 1024**2
    assert len(harness.read("resumed.bin")) == SIZE


def test_the_packed_package_works_in_a_page(page: Page, harness: Harness, tmp_path: Path) -> None:
    """The module is what `exports` of the package's package.json names."""
    npm_package(ROOT, tmp_path, {})
    [packed] = tmp_path.glob("presign-client-*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    package = json.loads((tmp_path / "package" / "package.json").read_text(encoding="utf-8"))
    module = package["exports"]["."]["default"].removeprefix(".")

    def answer(route: Route) -> None:
        path = tmp_path / "package" / route.request.url.partition("/npm/")[2]
        route.fulfill(path=path, content_type="text/javascript")

    page.route("**/npm/**", answer)
    done = upload(page, harness, "packed.bin", module=f"/npm{module}")

    assert done["size"] == len(harness.read("packed.bin")) == SIZE
    assert (tmp_path / "package" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
