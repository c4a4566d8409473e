"""A URL lives exactly as long as the answer says."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import pytest

from tests.support.late import again_if_late, within
from tests.support.service import RunningService, run_service, send
from tests.support.signed_urls import access_key_id_of
from tests.support.stores import BODY, Store

pytestmark = pytest.mark.slow

SESSION_SECONDS: Final = 12
CLOCKS: Final = 1  # second: a URL may end so much sooner, since its times are whole seconds


def seconds_left(expires_at: str) -> float:
    return datetime.fromisoformat(expires_at).timestamp() - time.time()


@pytest.fixture(name="short", scope="module")
def _short(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service with sessions of a few seconds."""
    directory = tmp_path_factory.mktemp("short")
    with run_service(ministack, directory, session_seconds=SESSION_SECONDS) as service:
        yield service


@again_if_late
def test_a_url_dies_when_its_lifetime_ends(
    verifying_service: RunningService, verifying_store: Store, key: str
) -> None:
    verifying_store.put(key)
    with within(4 - CLOCKS):
        signed = verifying_service.sign("download-urls", key=key, expires_in=4)
        assert send(signed).content == BODY
    time.sleep(max(0.0, seconds_left(signed.answer["expires_at"])) + 1)
    assert send(signed).status_code == 403


@again_if_late
def test_a_url_dies_at_expires_at_with_its_session(
    ministack: Store, short: RunningService, key: str
) -> None:
    ministack.put(key)
    with within(2):
        signed = short.sign("download-urls", key=key, expires_in=900)
        ends_at = signed.answer["expires_at"]
        left = seconds_left(ends_at)
    assert signed.answer["limited_by"] == "session"
    assert 0 < left <= SESSION_SECONDS - 5
    answers = 0
    while seconds_left(ends_at) > 1.2:
        with within(seconds_left(ends_at)):
            assert send(signed).content == BODY
        answers += 1
        time.sleep(1)
    assert answers > 0
    time.sleep(max(0.0, seconds_left(ends_at)) + 1)
    # The lifetime has ended, not the session, which lasts some seconds more: the store says which.
    with within(seconds_left(ends_at) + 4):
        answer = send(signed)
        assert (answer.status_code, "expired" in answer.text.lower()) == (403, True)
        assert "ExpiredToken" not in answer.text


@again_if_late
def test_the_service_continues_with_the_next_session(
    ministack: Store, short: RunningService, key: str
) -> None:
    ministack.put(key)
    sessions = set()
    for _ in range(SESSION_SECONDS + 2):
        signed = short.sign("download-urls", key=key)
        with within(seconds_left(signed.answer["expires_at"])):
            assert send(signed).content == BODY
        sessions.add(access_key_id_of(signed.url))
        time.sleep(1)
    assert len(sessions) > 1
