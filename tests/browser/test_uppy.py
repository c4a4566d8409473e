"""Uppy as npm has it, in each of its variants, against the service and a store that verifies signatures."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.pages import SESSION, bundled
from tests.browser.uppy_house import (
    MIB,
    MOST,
    PREFIX,
    SHORT,
    TOKEN,
    TYPES,
    House,
    Late,
    Parts,
    Uploader,
    a_house,
    content,
    until,
)
from tests.support.stores import Store

VARIANTS: Final = ["v5-endpoint", "v6-companion", "v6-sign"]
NAMES: Final = [
    "héllo wörld & (1)+100%.txt",
    "日本語 - ファイル.txt",
    "zerlegt u\u0308ber 👩‍🔬 #?'.txt",
]

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
) -> Iterator[House]:
    variant: str = request.param
    with a_house(variant, ministack, modules, tmp_path_factory.mktemp(variant)) as house:
        yield house


@pytest.fixture(name="hasty", params=VARIANTS)
def _hasty(
    request: pytest.FixtureRequest,
    chromium: object,
    ministack: Store,
    modules: Path,
    tmp_path: Path,
) -> Iterator[House]:
    """Whose URLs live for some seconds."""
    with a_house(request.param, ministack, modules, tmp_path, expires_in=SHORT) as house:
        yield house
        house.empty()


@pytest.fixture(name="house")
def _house(running: House) -> Iterator[House]:
    yield running
    running.empty()


def test_a_file_goes_in_one_piece(page: Page, house: House) -> None:
    uploader = Uploader(page, house)
    uploader.add("notes.txt")
    told = uploader.upload()
    assert told["failed"] == []
    ((key, stored),) = house.keys().items()
    assert re.fullmatch(re.escape(PREFIX) + "[0-9a-f]{32}/notes[.]txt", key)
    assert stored == content(11)
    assert house.type_of(key) == "text/plain"
    assert told["succeeded"][0]["key"] == key


def test_a_file_goes_in_parts(page: Page, house: House) -> None:
    uploader = Uploader(page, house, shouldUseMultipart=True)
    uploader.add("film.txt", 11 * MIB)
    told = uploader.upload()
    assert told["failed"] == []
    assert told["parts"] == 3
    ((key, stored),) = house.keys().items()
    assert stored == content(11 * MIB)
    assert house.type_of(key) == "text/plain"
    assert house.unfinished() == []


@pytest.mark.parametrize("parts", [False, True], ids=["in-one-piece", "in-parts"])
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_keeps_its_name(page: Page, house: House, name: str, parts: bool) -> None:
    uploader = Uploader(page, house, shouldUseMultipart=parts)
    length = 6 * MIB if parts else 11
    uploader.add(name, length)
    told = uploader.upload()
    assert told["failed"] == []
    ((key, stored),) = house.keys().items()
    assert key.rpartition("/")[2] == name
    assert stored == content(length)
    assert told["succeeded"][0]["key"] == key


def test_an_upload_goes_on_after_a_pause(page: Page, house: House) -> None:
    uploader = Uploader(page, house, shouldUseMultipart=True)
    uploader.add("film.txt", 11 * MIB)
    sent = Parts(page, house, hold=[2, 3])
    uploader.start()
    uploader.wait_for("told.parts === 1")
    page.evaluate("() => window.uppy.pauseAll()")
    assert house.keys() == {}
    sent.let_go()
    page.evaluate("() => window.uppy.resumeAll()")
    told = uploader.wait_for("told.complete")
    assert told["failed"] == []
    assert list(house.keys().values()) == [content(11 * MIB)]
    assert sent.numbers.count(1) == 1
    assert set(sent.numbers) == {1, 2, 3}


def test_an_upload_that_is_cancelled_leaves_nothing(page: Page, house: House) -> None:
    uploader = Uploader(page, house, shouldUseMultipart=True)
    uploader.add("film.txt", 11 * MIB)
    Parts(page, house, hold=[2, 3])
    uploader.start()
    uploader.wait_for("told.parts === 1")
    assert len(house.unfinished()) == 1
    page.evaluate("() => window.uppy.cancelAll()")
    until(lambda: house.unfinished() == [], page)
    assert house.keys() == {}


def test_a_part_whose_url_has_expired_gets_another(page: Page, hasty: House) -> None:
    """v5 asks for it by itself; v6 does when its user presses Retry, and goes on where it was."""
    uploader = Uploader(page, hasty, shouldUseMultipart=True)
    uploader.add("film.txt", 11 * MIB)
    sent, late = Parts(page, hasty), Late(page, part_number=2)
    uploader.start()
    told = uploader.wait_for("told.complete || told.failed.length")
    assert late.answers == 1
    until(lambda: 403 in sent.statuses[2], page)
    if not hasty.variant.startswith("v5"):
        assert len(told["failed"]) == 1
        told = uploader.retry()
    assert list(hasty.keys().values()) == [content(11 * MIB)]
    assert sent.statuses[2][-1] == 200
    assert sent.numbers.count(1) == 1


@pytest.mark.parametrize("parts", [False, True], ids=["in-one-piece", "in-parts"])
def test_a_type_that_is_refused_is_told_to_whoever_uploads(
    page: Page, house: House, parts: bool
) -> None:
    uploader = Uploader(page, house, shouldUseMultipart=parts)
    uploader.show()
    uploader.add("page.html", 6 * MIB, "text/html")
    told = uploader.upload()
    reason = f"Your grant allows these types: {', '.join(TYPES)}."
    assert len(told["failed"]) == 1
    assert told["failed"][0].endswith(reason)
    assert reason in uploader.shown()
    assert house.keys() == {}
    assert house.unfinished() == []


@pytest.mark.parametrize("parts", [False, True], ids=["in-one-piece", "in-parts"])
def test_a_file_that_is_too_large_is_never_sent(page: Page, house: House, parts: bool) -> None:
    uploader = Uploader(page, house, shouldUseMultipart=parts)
    uploader.show()
    uploader.add("film.txt", MOST + 1)
    sent = Parts(page, house)
    told = uploader.upload()
    reason = f"Your grant allows at most {MOST} bytes."
    assert told["failed"][0].endswith(reason)
    assert reason in uploader.shown()
    assert (sent.numbers, house.unfinished()) == ([], [])


def test_what_was_shown_and_written_holds_no_secret(page: Page, house: House) -> None:
    uploader = Uploader(page, house, shouldUseMultipart=True)
    uploader.add("film.txt", 6 * MIB)
    uploader.upload()
    log = house.log.read_text()
    assert "CompleteMultipartUpload" in log
    for secret in (TOKEN, "X-Amz-Signature", "X-Amz-Security-Token", house.store.secret_access_key):
        assert secret not in log


@behind_a_proxy
def test_a_page_of_another_origin_gets_nothing_past_the_proxy(page: Page, house: House) -> None:
    """Though the browser has the user's cookie: that of a host is of all its ports."""
    params = f"{house.origin}/uppy/s3/params?filename=a.txt&type=text/plain"
    statuses = {}
    for origin in (house.origin, house.pages):
        page.goto(origin)
        before = house.log.read_text().count('"event":"audit"')
        with page.expect_response(params) as reply:
            page.evaluate("url => fetch(url, { mode: 'no-cors', credentials: 'include' })", params)
        lines = house.log.read_text().count('"event":"audit"') - before
        statuses[origin] = (reply.value.status, lines)
    assert statuses == {house.origin: (200, 1), house.pages: (403, 0)}


@behind_a_proxy
def test_the_proxy_refuses_users_who_are_not_signed_in(house: House) -> None:
    with httpx.Client(base_url=house.origin, trust_env=False) as client:
        asked = "/uppy/s3/params?filename=a.txt&type=text/plain"
        same = {"Sec-Fetch-Site": "same-origin"}
        assert client.get(asked, headers=same).status_code == 401
        assert client.get(asked, headers={**same, "Cookie": SESSION}).status_code == 200
        assert client.get(asked, headers={"Cookie": SESSION}).status_code == 403
        forged = {**same, "Authorization": f"Bearer {TOKEN}"}
        assert client.get(asked, headers=forged).status_code == 401
