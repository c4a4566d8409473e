"""One instance: what an invocation answers, logs and leaves behind."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from service.telemetry import tracing
from tests.auth.mint import ISSUER, claims
from tests.support.app import API_KEY, make_app_settings, make_open_grant
from tests.support.lambda_events import CLIENT, Kind, event_of
from tests.support.lambda_instance import InstanceHarness, run_instance

EVERY_KIND = pytest.mark.parametrize("kind", list(Kind))
CALL: Final = ("POST", "/v1/download-urls", b'{"bucket": "demo", "key": "a.txt"}')
TRACE: Final = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
OF_AN_ISSUER: Final = make_app_settings(
    make_open_grant(),
    issuers={
        ISSUER.name: {
            "issuer": ISSUER.issuer,
            "audience": ISSUER.audiences[0],
            "jwks_url": "http://127.0.0.1:9/closed",
        }
    },
)


@pytest.fixture(name="harness", scope="module")
def _harness() -> Iterator[InstanceHarness]:
    with run_instance(make_app_settings(make_open_grant())) as harness:
        yield harness


@EVERY_KIND
def test_a_signing_call_is_answered_and_audited(harness: InstanceHarness, kind: Kind) -> None:
    answer = harness.send(kind, *CALL)
    assert answer.json()["url"].startswith("https://demo.s3.example/a.txt?")
    line = json.loads(harness.audit[-1])
    assert (line["request_id"], line["client"]) == ("invocation-1", CLIENT)


@EVERY_KIND
def test_compressed_text_is_base64_in_the_result(harness: InstanceHarness, kind: Kind) -> None:
    answer = harness.send(kind, "GET", "/errors", headers=[("Accept-Encoding", "gzip")])
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert "<h1>" in answer.text


@EVERY_KIND
def test_an_object_url_redirects_to_exactly_that_key(harness: InstanceHarness, kind: Kind) -> None:
    answer = harness.send(kind, "GET", "/o/demo/100%2541//b%20c")
    assert answer.headers["location"].startswith("https://demo.s3.example/100%2541//b%20c?")


@EVERY_KIND
def test_a_refusal_names_both_schemes(harness: InstanceHarness, kind: Kind) -> None:
    answer = harness.send(kind, "GET", "/o/demo/a", headers=[])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="presign", Bearer'


@EVERY_KIND
def test_a_repeated_authorization_is_refused(harness: InstanceHarness, kind: Kind) -> None:
    twice = [("authorization", f"Bearer {API_KEY}")] * 2
    assert harness.send(kind, *CALL, headers=twice).status_code == 401


def test_a_head_request_has_no_body(harness: InstanceHarness) -> None:
    assert harness.send(Kind.HTTP_API, "HEAD", "/errors").content == b""


def test_the_request_id_is_the_clients_own_if_there_is_one(harness: InstanceHarness) -> None:
    headers = [("authorization", f"Bearer {API_KEY}"), ("x-request-id", "theirs")]
    answer = harness.send(Kind.REST_API, *CALL, headers=headers)
    assert answer.headers["x-request-id"] == "theirs"


def test_log_lines_have_the_ids_of_x_ray() -> None:
    seen = list[dict[str, str]]()
    with run_instance(
        make_app_settings(), write_audit=lambda _: seen.append(tracing.ids())
    ) as harness:
        harness.invoke(event_of(Kind.HTTP_API, *CALL[:2]), trace=TRACE)
    assert seen[-1] == {
        "request_id": "invocation-1",
        "trace_id": "5759e988bd862e3fe1be46a994272793",
        "span_id": "53995c3f42cd8ad8",
    }


@EVERY_KIND
def test_a_head_that_is_too_large_is_refused(harness: InstanceHarness, kind: Kind) -> None:
    answer = harness.send(kind, *CALL, headers=[("x-long", "a" * 16 * 1024)])
    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


@EVERY_KIND
def test_a_body_over_the_gateways_limit_is_refused(harness: InstanceHarness, kind: Kind) -> None:
    answer = harness.send(kind, *CALL[:2], b" " * 10 * 1024**2)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("event", [None, [], {}, {"Records": [{"body": "sentinel"}]}])
def test_an_event_of_another_source_is_one_log_line_and_a_500(
    harness: InstanceHarness, event: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = harness.invoke(event)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    (record,) = caplog.records
    assert record.getMessage().startswith("invocation invocation-1: the event is no HTTP request")
    assert "sentinel" not in caplog.text + answer.text


@pytest.mark.parametrize("body", ["sentinel!", "sentinelé", "sentine"])
def test_a_body_that_is_not_base64_is_one_log_line_and_a_500(
    harness: InstanceHarness, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    event = event_of(Kind.HTTP_API, *CALL[:2]) | {"body": body, "isBase64Encoded": True}
    assert harness.invoke(event).status_code == 500
    assert len(caplog.records) == 1
    assert "sentinel" not in caplog.text


def test_an_answer_over_the_load_balancers_limit_is_a_500(harness: InstanceHarness) -> None:
    body = json.dumps({"bucket": "demo", "keys": [f"{n:01000}" for n in range(700)]}).encode()
    call = ("POST", "/v1/download-urls/batch", body)
    assert harness.send(Kind.FUNCTION_URL, *call).status_code == 200
    answer = harness.send(Kind.LOAD_BALANCER, *call)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


def test_a_request_without_time_left_is_a_504_and_leaves_no_call_in_progress(
    caplog: pytest.LogCaptureFixture,
) -> None:
    in_progress = 0

    async def hang(_: httpx.Request) -> httpx.Response:
        nonlocal in_progress
        in_progress += 1
        try:
            await asyncio.sleep(60)
        finally:
            in_progress -= 1
        raise AssertionError

    transport = httpx.MockTransport(hang)
    headers = [("authorization", f"Bearer {API_KEY}")]
    event = event_of(Kind.HTTP_API, "POST", "/v1/object-checks", headers, CALL[2])
    with run_instance(make_app_settings(make_open_grant()), store_transport=transport) as harness:
        answer = harness.invoke(event, seconds_left=lambda: 1.0)
        assert (answer.status_code, answer.json()["code"]) == (504, "storage_unavailable")
        assert in_progress == 0
        assert harness.send(Kind.HTTP_API, *CALL).status_code == 200
    assert len(harness.audit) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "invocation invocation-1 ran out of time"
    ]


def from_gateway() -> dict[str, object]:
    """An event with the claims of a valid token, as an HTTP API writes them: all are text."""
    event = event_of(Kind.HTTP_API, *CALL[:2], body=CALL[2])
    sent = claims() | {"aud": f"[{ISSUER.audiences[0]} other]"}
    texts = {name: value if isinstance(value, str) else str(value) for name, value in sent.items()}
    event["requestContext"] |= {"authorizer": {"jwt": {"claims": texts, "scopes": None}}}
    return event


def test_claims_in_an_event_name_no_caller() -> None:
    with run_instance(OF_AN_ISSUER, settle_seconds=0.1) as harness:
        assert harness.invoke(from_gateway()).status_code == 401
