"""Uppy as npm has it, in each of its variants, against the service and a store that verifies signatures."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Page, Request

from tests.browser.pages import SESSION, bundled
from tests.browser.uppy_harness import (
    MIB,
    MOST,
    PREFIX,
    TOKEN,
    TYPES,
    Harness,
    Late,
    Parts,
    Uploader,
    content,
    run_hasty,
    run_uppy,
)
from tests.browser.waiting import until
from tests.support.stores import Store

VARIANTS: Final = ["v5-endpoint", "v6-companion", "v6-sign"]
OLDER: Final = ["v3-companion", "v4-endpoint"]
NAMES: Final = [
    "héllo wörld & (1)+100%.txt",
    "日本語 - ファイル.txt",
    "zerlegt u\u0308ber 👩‍🔬 #?'.txt",
]
REFUSED: Final = {
    "type": ("a.html", 6 * MIB, "text/html", f"Your grant allows these types: {', '.join(TYPES)}."),
    "size": ("a.txt", MOST + 1, "text/plain", f"Your grant allows at most {MOST} bytes."),
}

in_one_piece_and_in_parts = pytest.mark.parametrize(
    "parts", [False, True], ids=["in-one-piece", "in-parts"]
)
with_older_ones = pytest.mark.parametrize("running", [*VARIANTS, *OLDER], indirect=True)
behind_a_proxy = pytest.mark.parametrize("running", ["v6-companion"], indirect=True)


@pytest.fixture(scope="session", name="modules")
def _modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(tmp_path_factory.mktemp("modules"))


@pytest.fixture(scope="module", name="running", params=VARIANTS)
def _running(
    request: pytest.FixtureRequest,
    chromium: object,
    ministack: Store,
    modules: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Harness]:
    variant: str = request.param
    with run_uppy(variant, ministack, modules, tmp_path_factory.mktemp(variant)) as harness:
        yield harness


@pytest.fixture(name="hasty", scope="module")
def _hasty(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_hasty(ministack, tmp_path_factory.mktemp("hasty")) as url:
        yield url


@pytest.fixture(name="harness")
def _harness(running: Harness) -> Iterator[Harness]:
    yield running
    running.empty()


@with_older_ones
@in_one_piece_and_in_parts
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_arrives_under_its_name_with_its_type(
    page: Page, harness: Harness, name: str, parts: bool
) -> None:
    uploader = Uploader(page, harness, shouldUseMultipart=parts)
    length = 11 * MIB if parts else 11
    uploader.add(name, length)
    told = uploader.upload()
    assert told["failed"] == []
    assert told["parts"] == 3 or not parts
    ((key, stored),) = harness.keys().items()
    assert re.fullmatch(f"{re.escape(PREFIX)}[0-9a-f]{{32}}/{re.escape(name)}", key)
    assert stored == content(length)
    assert harness.type_of(key) == "text/plain"
    is_reported = parts or harness.variant != "v3-companion"
    assert told["succeeded"][0]["key"] == (key if is_reported else None)
    assert harness.unfinished() == []


@with_older_ones
def test_a_whole_file_is_put_where_uppy_can(page: Page, harness: Harness) -> None:
    """Uppy 6 sends a form to whatever a Companion answers."""
    uploader, sent = Uploader(page, harness, shouldUseMultipart=False), list[Request]()

    def note(request: Request) -> None:
        if request.url.startswith(harness.store.endpoint_url) and request.method != "OPTIONS":
            sent.append(request)

    uploader.add("a.txt")
    page.on("request", note)
    uploader.upload()
    [upload] = sent
    can_put = harness.variant != "v6-companion"
    assert upload.method == ("PUT" if can_put else "POST")
    assert ("if-none-match" in upload.headers) is can_put
    assert list(harness.keys().values()) == [content(11)]


def test_an_upload_goes_on_after_a_pause(page: Page, harness: Harness) -> None:
    uploader = Uploader(page, harness, shouldUseMultipart=True)
    uploader.add("film.txt", 11 * MIB)
    sent = Parts(page, harness, hold=[2, 3])
    uploader.start()
    uploader.wait_for("told.parts === 1")
    page.evaluate("() => window.uppy.pauseAll()")
    assert harness.keys() == {}
    sent.let_go()
    page.evaluate("() => window.uppy.resumeAll()")
    told = uploader.wait_for("told.complete")
    assert told["failed"] == []
    assert list(harness.keys().values()) == [content(11 * MIB)]
    assert sent.numbers.count(1) == 1
    assert set(sent.numbers) == {1, 2, 3}


def test_an_upload_that_is_cancelled_leaves_nothing(page: Page, harness: Harness) -> None:
    uploader = Uploader(page, harness, shouldUseMultipart=True)
    uploader.add("film.txt", 11 * MIB)
    Parts(page, harness, hold=[2, 3])
    uploader.start()
    uploader.wait_for("told.parts === 1")
    assert len(harness.unfinished()) == 1
    page.evaluate("() => window.uppy.cancelAll()")
    until(lambda: harness.unfinished() == [], page)
    assert harness.keys() == {}


def test_a_part_whose_url_has_expired_gets_another(
    page: Page, harness: Harness, hasty: str
) -> None:
    """v5 asks for it by itself; v6 does when its user presses Retry, and goes on where it was."""
    uploader = Uploader(page, harness, shouldUseMultipart=True)
    uploader.add("film.txt", 11 * MIB)
    sent, late = Parts(page, harness), Late(page, harness, hasty, part_number=2)
    uploader.start()
    told = uploader.wait_for("told.complete || told.failed.length")
    assert late.answers == 1
    until(lambda: 403 in sent.statuses[2], page)
    if not harness.variant.startswith("v5"):
        assert len(told["failed"]) == 1
        told = uploader.retry()
    assert list(harness.keys().values()) == [content(11 * MIB)]
    assert sent.statuses[2][-1] == 200
    assert sent.numbers.count(1) == 1


@in_one_piece_and_in_parts
@pytest.mark.parametrize("refused", REFUSED)
def test_a_refused_file_is_explained_and_never_sent(
    page: Page, harness: Harness, parts: bool, refused: str
) -> None:
    name, length, kind, reason = REFUSED[refused]
    uploader = Uploader(page, harness, shouldUseMultipart=parts)
    uploader.show()
    uploader.add(name, length, kind)
    sent = Parts(page, harness)
    (failure,) = uploader.upload()["failed"]
    assert failure.endswith(reason)
    assert reason in uploader.shown()
    assert (sent.numbers, harness.keys(), harness.unfinished()) == ([], {}, [])


@behind_a_proxy
def test_a_page_of_another_origin_gets_nothing_past_the_proxy(page: Page, harness: Harness) -> None:
    """Though the browser has the user's cookie: that of a host is of all its ports."""
    params = f"{harness.origin}/uppy/s3/params?filename=a.txt&type=text/plain"
    statuses = {}
    for origin in (harness.origin, harness.pages):
        page.goto(origin)
        before = harness.log.read_text().count('"event":"audit"')
        with page.expect_response(params) as reply:
            page.evaluate("url => fetch(url, { mode: 'no-cors', credentials: 'include' })", params)
        lines = harness.log.read_text().count('"event":"audit"') - before
        statuses[origin] = (reply.value.status, lines)
    assert statuses == {harness.origin: (200, 1), harness.pages: (403, 0)}


@behind_a_proxy
def test_the_proxy_refuses_users_who_are_not_signed_in(harness: Harness) -> None:
    with httpx.Client(base_url=harness.origin, trust_env=False, timeout=60) as client:
        asked = "/uppy/s3/params?filename=a.txt&type=text/plain"
        same = {"Sec-Fetch-Site": "same-origin"}
        assert client.get(asked, headers=same).status_code == 401
        assert client.get(asked, headers={**same, "Cookie": SESSION}).status_code == 200
        assert client.get(asked, headers={"Cookie": SESSION}).status_code == 403
        forged = {**same, "Authorization": f"Bearer {TOKEN}"}
        assert client.get(asked, headers=forged).status_code == 401
