"""Requests to the store: how they are signed, retried and limited in time, and what errors say."""

import asyncio
import traceback
from dataclasses import replace
from io import StringIO
from typing import Any, Final

import httpx
import pytest
from hypothesis import given

from service.errors import StorageUnavailable
from service.s3.client import ATTEMPTS, CALL_SECONDS, MAX_ANSWER_BYTES
from service.s3.errors import S3Error
from service.signing.actions import ListObjects, ListObjectVersions
from service.signing.multipart_actions import CompleteMultipartUpload
from service.signing.signer import Address
from tests.api.sentinels import logging_as_served
from tests.s3.fake_store import (
    HEAD,
    Harness,
    Respond,
    SlowStream,
    delayed,
    error,
    error_of,
    fails,
    hangs,
    make_store_access,
    query_of,
    responds,
    start_harness,
    streams,
    with_harness,
)
from tests.signing.strategies import KEYS
from tests.support.examples import examples
from tests.support.factories import SECRET, TOKEN
from tests.support.virtual_time import CLOCK_START, VirtualTimeLoop, loop_clock

RETRIED: Final = [
    *(pytest.param(responds(status), id=str(status)) for status in (429, 500, 502, 503, 504)),
    pytest.param(error(503, "SlowDown"), id="SlowDown"),
    pytest.param(error(400, "RequestTimeout"), id="RequestTimeout"),
    pytest.param(error(200, "InternalError"), id="InternalError in a 200"),
    pytest.param(
        responds(200, f" \n{' ' * 5000}<Error><Code>SlowDown</Code></Error>"), id="late in a 200"
    ),
    *(
        pytest.param(fails(kind), id=kind.__name__)
        for kind in (
            *(httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError),
            *(httpx.RemoteProtocolError, httpx.WriteError),
        )
    ),
]
REFUSED: Final = [
    pytest.param(error(403, "AccessDenied"), 403, "AccessDenied", id="AccessDenied"),
    pytest.param(error(404, "NoSuchUpload"), 404, "NoSuchUpload", id="NoSuchUpload"),
    pytest.param(error(412, "PreconditionFailed"), 412, "PreconditionFailed", id="412"),
    pytest.param(responds(412), 412, "412", id="412 bare"),
    pytest.param(responds(403), 403, "403", id="403 bare"),
    pytest.param(responds(404, "<html>no</html>"), 404, "404", id="404 of a proxy"),
    pytest.param(error(200, "AccessDenied"), 200, "AccessDenied", id="AccessDenied in a 200"),
    pytest.param(responds(304), 304, "304", id="304"),
    pytest.param(error(400, "canary words"), 400, "400", id="invalid code"),
]


@with_harness
async def test_a_request_has_the_signed_url_headers_and_body(harness: Harness) -> None:
    harness.store.script(responds(200, b"<a/>", {"x-amz-version-id": "v1"}))
    action = CompleteMultipartUpload(upload_id="u/1", content_length=5)
    reply = await harness.send(action=action, key="a b/+\u00e9//c", body=b"<b/>")
    assert (reply.body, reply.headers["x-amz-version-id"]) == (b"<a/>", "v1")
    [request], [body] = harness.store.requests, harness.store.bodies
    signed = harness.store_access.signer.presign(
        action, "a b/+\u00e9//c", now=int(CLOCK_START), expires_in=60
    )
    assert (request.method, str(request.url), body) == ("POST", signed, b"<b/>")
    assert request.headers["content-type"] == "application/xml"
    assert request.headers["if-none-match"] == "*"
    assert request.headers["content-length"] == "4"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "action", [ListObjects(prefix="a b/"), ListObjectVersions(prefix="a b/")], ids=str
)
@with_harness
async def test_without_a_key_the_bucket_is_addressed(harness: Harness, action: Any) -> None:
    await harness.send(action=action, key="")
    assert harness.store.requests[0].url.raw_path.startswith(b"/?")


@examples(200)
@given(key=KEYS)
def test_any_key_is_sent_as_it_was_signed(key: str) -> None:
    async def send() -> None:
        async with start_harness() as harness:
            await harness.send(key=key)
            signed = harness.store_access.signer.presign(
                HEAD, key, now=int(CLOCK_START), expires_in=60
            )
            target = harness.store.requests[0].url.raw_path.decode()
            assert target == signed.removeprefix(harness.store_access.signer.address.origin)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(send())


@with_harness
async def test_requests_go_to_the_internal_address(harness: Harness) -> None:
    inner = Address(
        scheme="http", host="store.internal:9000", path_prefix="/bkt/", region="eu-west-1"
    )
    harness.store_access = make_store_access(inner=inner)
    await harness.send(key="a")
    [request] = harness.store.requests
    assert str(request.url).startswith("http://store.internal:9000/bkt/a?")
    assert request.headers["host"] == "store.internal:9000"


@pytest.mark.parametrize("response", RETRIED)
@with_harness
async def test_a_temporary_failure_is_retried_twice_at_most(
    harness: Harness, response: Respond
) -> None:
    harness.store.script(response, response, responds(200, b"<a/>"), response)
    assert (await harness.send()).body == b"<a/>"
    assert len(harness.store.requests) == ATTEMPTS == 3
    assert isinstance(await error_of(harness.send()), StorageUnavailable)
    assert len(harness.store.requests) == 6
    outcomes = [("reports", "HeadObject", outcome) for outcome in ("ok", "unavailable")]
    assert harness.observer.calls == outcomes


@pytest.mark.parametrize(("response", "status", "code"), REFUSED)
@with_harness
async def test_an_error_is_not_retried(
    harness: Harness, response: Respond, status: int, code: str
) -> None:
    harness.store.script(response, fails(), response)
    for attempts in (1, 2):  # the second call is retried once, after no response
        problem = await error_of(harness.send())
        assert isinstance(problem, S3Error)
        assert (problem.status, problem.code, problem.attempts) == (status, code, attempts)
    assert len(harness.store.requests) == 3
    assert harness.observer.calls == [("reports", "HeadObject", "refused")] * 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@with_harness
async def test_no_redirect_is_followed(harness: Harness, status: int) -> None:
    harness.store.script(responds(status, headers={"location": "https://elsewhere.test/"}))
    assert isinstance(await error_of(harness.send()), S3Error)
    assert [request.url.host for request in harness.store.requests] == [
        harness.store_access.signer.address.host
    ]


@with_harness
async def test_cookies_are_not_sent_back(harness: Harness) -> None:
    harness.store.script(responds(200, headers={"set-cookie": "route=1; Path=/"}))
    await harness.send()
    await harness.send()
    assert [request.headers.get("cookie") for request in harness.store.requests] == [None, None]


@with_harness
async def test_each_attempt_is_signed_again(harness: Harness) -> None:
    harness.store.script(delayed(4, responds(503)), delayed(3, fails()), responds())
    await harness.send()
    assert harness.store.signed_at == [0, 4, 7]
    signatures = {query_of(request)["X-Amz-Signature"] for request in harness.store.requests}
    assert len(signatures) == 3
    assert {query_of(request)["X-Amz-Expires"] for request in harness.store.requests} == {"60"}


@with_harness
async def test_the_pause_between_attempts_doubles(harness: Harness) -> None:
    harness.jitter = 0.999
    harness.store.script(responds(503))
    await error_of(harness.send())
    assert harness.clock.boot() == pytest.approx(0.999 * (0.4 + 0.8), abs=0.01)


@pytest.mark.parametrize("seconds", [CALL_SECONDS, 300.0])
@pytest.mark.parametrize("response", ["hangs", "late 503", "late failure", "endless"])
@with_harness
async def test_the_deadline_includes_all_attempts(
    harness: Harness, response: str, seconds: float
) -> None:
    stream = SlowStream(b" ")
    late = {"late 503": delayed(6, responds(503)), "late failure": delayed(100, fails())}
    harness.store.script({**late, "hangs": hangs, "endless": streams(stream)}[response])
    problem = await error_of(harness.send(seconds=seconds))
    assert isinstance(problem, StorageUnavailable)
    assert stream.closed is (response == "endless")
    assert harness.clock.boot() <= seconds + 0.01
    assert harness.observer.seconds == [pytest.approx(harness.clock.boot(), abs=0.01)]
    assert harness.observer.calls == [("reports", "HeadObject", "unavailable")]
    assert len(harness.store.requests) <= 3


@pytest.mark.parametrize(
    "response",
    [
        *(error(403, "AccessDenied", f"<Resource>{SECRET}</Resource>"), error(400, SECRET * 9)),
        *(fails(), hangs, responds(200, b"x" * (MAX_ANSWER_BYTES + 1)), responds(500, SECRET)),
        responds(302, headers={"location": f"https://elsewhere.test/?{TOKEN}"}),
    ],
)
@with_harness
async def test_an_error_shows_neither_url_nor_response(harness: Harness, response: Respond) -> None:
    log = StringIO()
    harness.store.script(response)
    with logging_as_served("DEBUG", log):
        problem = await error_of(harness.send())
    signatures = [query_of(each)["X-Amz-Signature"] for each in harness.store.requests]
    shown = [
        *(str(problem), repr(problem), repr(problem.args), repr(vars(problem))),
        *(repr(harness.store_access), log.getvalue(), str(harness.observer.calls)),
        *traceback.format_exception(problem),
    ]
    secrets = [*signatures, SECRET, TOKEN, "canary", "X-Amz", "a/b", "elsewhere"]
    assert not [each for each in secrets if each in "\n".join(shown)]


@with_harness
async def test_requests_are_signed_with_the_time_of_the_server(harness: Harness) -> None:
    session = replace(harness.store_access.session, server_time_at_boot=CLOCK_START + 86_400)
    harness.store_access = replace(harness.store_access, session=session)
    await harness.send()
    assert harness.store.signed_at == [86_400 + int(loop_clock().boot())]
