"""Attempts: how long each may take, and which requests may be repeated."""

from typing import Final

import httpx
import pytest

from service.errors import StorageUnavailable
from service.s3.client import ATTEMPTS, CALL_SECONDS
from service.signing.multipart_actions import CompleteMultipartUpload, CreateMultipartUpload
from tests.s3.fake_store import (
    Harness,
    Respond,
    SlowStream,
    delayed,
    error,
    error_of,
    fails,
    hangs,
    responds,
    streams,
    with_harness,
)

CREATE: Final = CreateMultipartUpload()
COMPLETION: Final = CompleteMultipartUpload(upload_id="u", content_length=5)
LOST: Final = [
    *(
        pytest.param(fails(kind), id=kind.__name__)
        for kind in (
            *(httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.ReadTimeout),
            *(httpx.WriteTimeout, httpx.RemoteProtocolError, httpx.ProxyError),
        )
    ),
    *(pytest.param(responds(status), id=f"a proxy's {status}") for status in (502, 504)),
    pytest.param(hangs, id="hangs"),
    pytest.param(streams(SlowStream(b" ")), id="never ends"),
]


@with_harness
async def test_a_stuck_attempt_leaves_time_for_the_next(harness: Harness) -> None:
    harness.store.script(hangs, streams(SlowStream(b" ")), responds(200, b"<a/>"))
    assert (await harness.send()).body == b"<a/>"
    assert harness.store.signed_at == [0, CALL_SECONDS / ATTEMPTS, 2 * CALL_SECONDS / ATTEMPTS]
    assert harness.observer.calls == [("reports", "HeadObject", "ok")]


@with_harness
async def test_all_attempts_fit_in_the_deadline(harness: Harness) -> None:
    harness.jitter = 0.999
    harness.store.script(hangs)
    assert isinstance(await error_of(harness.send()), StorageUnavailable)
    assert len(harness.store.requests) == ATTEMPTS
    assert harness.clock.boot() == pytest.approx(CALL_SECONDS, abs=0.01)


@with_harness
async def test_a_completion_may_take_the_whole_deadline(harness: Harness) -> None:
    harness.store.script(delayed(299, responds(200, b"<a/>")))
    assert (await harness.send(action=COMPLETION, seconds=300.0)).body == b"<a/>"
    assert len(harness.store.requests) == 1


@pytest.mark.parametrize("response", LOST)
@with_harness
async def test_a_request_that_may_have_succeeded_is_not_repeated(
    harness: Harness, response: Respond
) -> None:
    harness.store.script(response, responds())
    problem = await error_of(harness.send(action=CREATE))
    assert isinstance(problem, StorageUnavailable)
    assert problem.detail == "The store did not answer; the upload may have begun."
    assert len(harness.store.requests) == 1
    assert harness.clock.boot() <= CALL_SECONDS / ATTEMPTS + 0.01
    assert harness.observer.calls == [("reports", "CreateMultipartUpload", "unavailable")]


@pytest.mark.parametrize(
    "response",
    [
        *(fails(httpx.ConnectError), fails(httpx.ConnectTimeout), error(200, "InternalError")),
        *(responds(status) for status in (429, 500, 503)),
    ],
)
@with_harness
async def test_a_request_that_created_no_upload_is_repeated(
    harness: Harness, response: Respond
) -> None:
    harness.store.script(response, response, responds(200, b"<a/>"))
    assert (await harness.send(action=CREATE)).body == b"<a/>"
    assert len(harness.store.requests) == 3


@with_harness
async def test_a_completion_without_a_response_is_repeated(harness: Harness) -> None:
    harness.store.script(fails(httpx.ReadError), responds(200, b"<a/>"))
    assert (await harness.send(action=COMPLETION)).body == b"<a/>"
