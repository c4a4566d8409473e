"""Stores accept the URL of a window from its start until its promised end, and no longer."""

import time
import uuid
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end.test_lifetimes import seconds_left
from tests.support.late import again_if_late, within
from tests.support.service import RunningService, SignedRequest, send
from tests.support.stores import BODY, Store

pytestmark = pytest.mark.slow


WINDOW: Final = 6  # seconds
BEHIND: Final = 1.2  # STS's time has whole seconds, so the service may be late by one
LIFETIME: Final = 3
NEAR: Final = 0.6  # the end of a window


@pytest.fixture(name="key")
def _key(verifying_store: Store) -> str:
    key = f"stable/{uuid.uuid4().hex}.txt"
    verifying_store.put(key)
    return key


def wait_for_a_window() -> None:
    time.sleep(WINDOW - time.time() % WINDOW + BEHIND)


def wait_for_its_end() -> None:
    time.sleep(WINDOW - time.time() % WINDOW - NEAR)


@again_if_late
def test_a_url_stays_the_same_in_its_window_and_works(
    verifying_service: RunningService, key: str
) -> None:
    verifying_service.sign("download-urls", key=key)  # it has its session
    wait_for_a_window()
    with within(WINDOW - BEHIND - NEAR):
        begin = sign_stable(verifying_service, key)
        assert send(begin).content == BODY
    wait_for_its_end()
    with within(NEAR):
        end = sign_stable(verifying_service, key)
        assert end.answer == begin.answer
        assert send(end).content == BODY
        assert LIFETIME <= seconds_left(end.answer["expires_at"]) < LIFETIME + 1
    time.sleep(max(0.0, seconds_left(end.answer["expires_at"]) - 0.8))
    with within(seconds_left(end.answer["expires_at"])):
        assert send(begin).content == BODY
    time.sleep(max(0.0, seconds_left(end.answer["expires_at"])) + 1)
    assert send(begin).status_code == 403
    with within(LIFETIME):
        after = sign_stable(verifying_service, key)
        assert after.url != end.url
        assert send(after).content == BODY


def sign_stable(service: RunningService, key: str) -> SignedRequest:
    return service.sign("download-urls", key=key, stable_for=WINDOW, expires_in=LIFETIME)


def test_a_session_may_sign_for_a_moment_before_it_began(
    verifying_service: RunningService, key: str
) -> None:
    """The window began before the service and its session did, most of the time."""
    signed = verifying_service.sign("download-urls", key=key, stable_for=3000, expires_in=300)
    query = parse_qs(urlsplit(signed.url).query)
    assert query["X-Amz-Expires"] == ["3300"]
    assert send(signed).content == BODY
