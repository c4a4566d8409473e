"""Stores accept the URL of a window from its start until its promised end, and no longer."""

import time
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end.test_lifetimes import seconds_left
from tests.support.late import again_if_late, within
from tests.support.service import RunningService, SignedRequest, run_service, send
from tests.support.stores import ROOT_KEY_ID, ROOT_SECRET, Store

pytestmark = pytest.mark.slow


BODY: Final = b"hello, cache"
WINDOW: Final = 6  # seconds
BEHIND: Final = 1.2  # STS's time has whole seconds, so the service may be late by one
LIFETIME: Final = 3
NEAR: Final = 0.6  # the end of a window


@pytest.fixture(name="key")
def _key(verifying_store: Store) -> str:
    key = f"stable/{uuid.uuid4().hex}.txt"
    verifying_store.admin_client().put_object(Bucket=verifying_store.bucket, Key=key, Body=BODY)
    return key


@pytest.fixture(name="replicas", scope="module")
def _replicas(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningService, RunningService]]:
    """Two replicas with static keys: root's, since the base keys may only assume the role."""
    root = {"AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    more: dict[str, Any] = {"environment": root, "credentials": "static", "role_arn": None}
    one, other = (tmp_path_factory.mktemp(name) for name in ("one", "other"))
    with (
        run_service(verifying_store, one, **more) as first,
        run_service(verifying_store, other, **more) as second,
    ):
        yield first, second


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


def test_replicas_with_static_keys_give_the_same_url(
    replicas: tuple[RunningService, RunningService], key: str
) -> None:
    one, other = (
        replica.sign("download-urls", key=key, stable_for=86_400, expires_in=900)
        for replica in replicas
    )
    assert one.answer == other.answer
    assert send(other).content == BODY


def test_each_batch_item_has_its_own_window(verifying_service: RunningService, key: str) -> None:
    items = [
        {"bucket": "objects", "key": key, **window}
        for window in ({"stable_for": 600}, {}, {"stable_for": 86_400}, {"stable_for": 600})
    ]
    reply = verifying_service.client.post("/v1/download-urls/batch", json={"items": items})
    first, plain, day, again = reply.json()["results"]
    assert first == again != plain
    assert day["problem"]["code"] == "lifetime_unavailable"  # a session has an hour
    alone = verifying_service.sign("download-urls", key=key, stable_for=600)
    assert first["request"] == alone.answer
    assert send(alone).content == BODY
