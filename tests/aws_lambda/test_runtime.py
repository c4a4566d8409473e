"""The image's handler under AWS's own runtime client, in front of a store that verifies."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.lambda_events import Kind, event_of
from tests.support.lambda_runtime import RunningFunction, run_function
from tests.support.relay import Relay, relaying
from tests.support.service import API_KEY, make_settings
from tests.support.stores import BODY, Store, ministack

pytestmark = pytest.mark.slow

SESSION_SECONDS: Final = 12
COLD_START_CPU: Final = 1.5  # seconds, to the first answer
COLD_STARTS: Final = 5
PEAK_MIB: Final = 160


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with ministack(tmp_path_factory.mktemp("ministack")) as store:
        store.put("a.txt")
        yield store


@pytest.fixture(name="sts")
def _sts(store: Store) -> Iterator[Relay]:
    with relaying(store.sts_endpoint_url) as relay:
        yield relay


@pytest.fixture(name="function")
def _function(store: Store, sts: Relay, tmp_path: Path) -> Iterator[RunningFunction]:
    with run(tmp_path, store, sts.url) as function:
        yield function


def run(directory: Path, store: Store, sts: str) -> AbstractContextManager[RunningFunction]:
    settings = make_settings(store, session_seconds=SESSION_SECONDS, sts_endpoint_url=sts)
    configuration = directory / "presign.yaml"
    configuration.write_text(json.dumps(settings))
    return run_function(directory, {"PRESIGN_CONFIG": str(configuration), **store.base_keys})


def event(key: str = "a.txt", kind: Kind = Kind.HTTP_API) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {API_KEY}", "content-type": "application/json"}
    body = json.dumps({"bucket": "objects", "key": key}).encode()
    return event_of(kind, "POST", "/v1/download-urls", headers, body)


def download(function: RunningFunction) -> bytes:
    """Return the object that a signed URL of the function gives."""
    answer = function.send(event())
    assert answer.status_code == 200, answer.text
    return httpx.get(answer.json()["url"], trust_env=False).content


def test_a_cold_start_is_cheap_and_its_url_works(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cheapest = math.inf  # of a few starts: on a busy machine the same work takes more CPU
    for _ in range(COLD_STARTS):
        directory = tmp_path_factory.mktemp("function")
        with run(directory, store, store.sts_endpoint_url) as function:
            assert download(function) == BODY
            cheapest = min(cheapest, function.cpu_seconds())
            assert function.peak_mib() <= PEAK_MIB
        if cheapest <= COLD_START_CPU:
            break
    assert cheapest <= COLD_START_CPU


def test_a_thousand_invocations_of_all_kinds_are_answered(function: RunningFunction) -> None:
    kinds = list(Kind)
    for number in range(1000):
        answer = function.send(event(f"{number}.txt", kinds[number % len(kinds)]))
        assert answer.status_code == 200
    assert download(function) == BODY
    lines = function.log.read_text().splitlines()
    assert sum('"event":"audit"' in line for line in lines) == 1001
    assert function.peak_mib() <= PEAK_MIB


def test_a_freeze_longer_than_the_session_costs_one_refresh(function: RunningFunction) -> None:
    before = function.send(event()).json()["url"]
    with function.frozen():
        time.sleep(SESSION_SECONDS + 1)
    assert httpx.get(before, trust_env=False).is_client_error  # 400 ExpiredToken, or 403
    assert download(function) == BODY


def test_sts_down_at_the_thaw_is_a_503_and_no_dead_url(
    function: RunningFunction, sts: Relay
) -> None:
    assert download(function) == BODY
    with function.frozen():
        time.sleep(SESSION_SECONDS + 1)
    sts.is_down = True
    refused = function.send(event())
    assert refused.status_code == 503
    assert refused.json()["code"] == "credentials_unavailable"
    sts.is_down = False
    time.sleep(int(refused.headers["retry-after"]) + 1)
    assert download(function) == BODY


def test_no_secret_is_in_the_log(function: RunningFunction, store: Store) -> None:
    url = function.send(event()).json()["url"]
    log = function.log.read_text()
    for secret in (API_KEY, store.secret_access_key, url.partition("X-Amz-Signature=")[2]):
        assert secret not in log
