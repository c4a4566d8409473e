"""The spans of requests and calls, as a collector receives them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.api.gateway import Gateway
from service.telemetry.otlp import exported_spans
from tests.api.sentinels import forms_of
from tests.auth.mint import ISSUER, make_token
from tests.support.app import (
    API_KEY,
    SECRET,
    TOKEN,
    app_of,
    make_app_settings,
    make_open_grant,
    make_store_response,
    run_app,
)
from tests.support.otlp_receiver import Receiver, attributes, receiving
from tests.telemetry.test_log_requests import logged

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT: Final = f"00-{TRACE}-{PARENT}-01"
URLS: Final = "/v1/download-urls"
URLS_NAME: Final = f"POST {URLS}"
GET: Final = {"bucket": "demo", "key": "a/secret-key"}
UPLOAD: Final = {**GET, "content_length": 5}
CREATED: Final = (
    "<InitiateMultipartUploadResult><UploadId>secret-upload</UploadId>"
    "</InitiateMultipartUploadResult>"
)


@dataclass
class Traced:
    """An app that exports its spans. They have arrived once `client` is closed."""

    client: httpx.AsyncClient
    to_the_store: list[httpx.Request] = field(default_factory=list)


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def traced_app(
    receiver: Receiver,
    *,
    store_status: int = 200,
    **settings: Any,
) -> AsyncIterator[Traced]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return make_store_response(store_status, CREATED if store_status == 200 else "")

    with exported_spans(f"{receiver.url}/v1/traces") as spans:
        async with run_app(
            make_app_settings(make_open_grant(), objects={}, **settings),
            spans=spans,
            store_transport=httpx.MockTransport(answer),
        ) as client:
            yield Traced(client, requests)


def ids(span: Span) -> tuple[str, str, str]:
    """Return the trace, the span and its parent."""
    return span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()


async def test_a_request_that_waits_for_sts_has_its_span(receiver: Receiver) -> None:
    async with traced_app(receiver) as app:
        answer = await app.client.post(URLS, json=GET, headers={"traceparent": TRACEPARENT})
    assert answer.status_code == 200
    (request,) = receiver.named(URLS_NAME)
    (sts,) = [span for span in receiver.named("STS.AssumeRole") if span.parent_span_id]
    assert (ids(request)[0], ids(request)[2]) == (TRACE, PARENT)
    assert (ids(sts)[0], ids(sts)[2]) == (TRACE, ids(request)[1])
    assert (request.kind, sts.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert request.start_time_unix_nano <= sts.start_time_unix_nano
    assert sts.end_time_unix_nano <= request.end_time_unix_nano
    assert attributes(sts.attributes) == {"presign.bucket": "demo", "presign.outcome": "ok"}
    assert attributes(request.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": "200",
        "http.route": URLS,
        "presign.request_id": answer.headers["x-request-id"],
        "url.scheme": "http",
    }


async def test_the_buckets_own_session_has_a_trace_of_its_own(receiver: Receiver) -> None:
    async with traced_app(receiver) as app:
        assert (await app.client.get("/readyz")).status_code in {200, 503}
    own = receiver.named("STS.AssumeRole")
    assert [ids(span)[2] for span in own] == ["", ""]  # of two buckets
    assert len({span.trace_id for span in own}) == 2


async def test_a_store_call_is_a_child_and_gets_the_traceparent(receiver: Receiver) -> None:
    async with traced_app(receiver) as app:
        answer = await app.client.post(
            "/v1/multipart-uploads", json=UPLOAD, headers={"traceparent": TRACEPARENT}
        )
    assert answer.status_code == 201
    (request,) = receiver.named("POST /v1/multipart-uploads")
    (call,) = receiver.named("S3.CreateMultipartUpload")
    assert (ids(call)[0], ids(call)[2]) == (TRACE, ids(request)[1])
    assert attributes(call.attributes) == {"presign.bucket": "demo", "presign.outcome": "ok"}
    (sent,) = app.to_the_store
    assert sent.headers["traceparent"] == f"00-{TRACE}-{ids(call)[1]}-01"
    assert "traceparent" not in sent.url.params["X-Amz-SignedHeaders"]


async def test_a_refusal_of_the_store_is_an_error(receiver: Receiver) -> None:
    async with traced_app(receiver, store_status=403) as app:
        await app.client.post("/v1/multipart-uploads", json=UPLOAD)
    (call,) = receiver.named("S3.CreateMultipartUpload")
    assert attributes(call.attributes)["presign.outcome"] == "refused"
    assert (call.status.code, call.status.message) == (Status.STATUS_CODE_ERROR, "")
    assert list(call.events) == []  # not the exception, whose message may quote anything


async def test_a_fetch_of_an_issuers_keys_has_a_span(receiver: Receiver) -> None:
    issuer = {"issuer": ISSUER.issuer, "audience": "presign", "jwks_url": "http://127.0.0.1:1/keys"}
    async with traced_app(receiver, issuers={"cluster-a": issuer}) as app:
        headers = {"Authorization": f"Bearer {make_token()}"}
        assert (await app.client.get("/v1/caller", headers=headers)).status_code == 503
    (fetch,) = receiver.named("GET jwks")
    (request,) = receiver.named("GET /v1/caller")
    assert ids(fetch)[2] == ids(request)[1]
    assert attributes(fetch.attributes) == {
        "error.type": "failed",
        "presign.issuer": "cluster-a",
        "presign.outcome": "failed",
    }


async def test_log_lines_have_the_ids_of_the_span(receiver: Receiver) -> None:
    with logged() as lines:
        async with traced_app(receiver) as app:
            headers = {"traceparent": TRACEPARENT}
            app.client._transport.app.parts.core.presigner.presign = None  # type: ignore[attr-defined]
            assert (await app.client.post(URLS, json=GET, headers=headers)).status_code == 500
    (line,) = [each for each in lines if each["level"] == "ERROR"]
    (request,) = receiver.named(URLS_NAME)
    assert (line["trace_id"], line["span_id"]) == ids(request)[:2]


@pytest.mark.parametrize("flags", ["00", "01"])
async def test_the_callers_sampling_is_followed(receiver: Receiver, flags: str) -> None:
    headers = {"traceparent": f"{TRACEPARENT[:-2]}{flags}"}
    async with traced_app(receiver) as app:
        await app.client.post(URLS, json=GET, headers=headers)
    assert len(receiver.named(URLS_NAME)) == int(flags)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_probes_and_scrapes_have_no_span(receiver: Receiver, path: str) -> None:
    async with traced_app(receiver) as app:
        await app.client.get(path)
    assert {span.name for span in receiver.spans()} == {"STS.AssumeRole"}


async def test_an_unknown_path_and_method_do_not_name_a_span(receiver: Receiver) -> None:
    async with traced_app(receiver) as app:
        await app.client.request("SECRETS", "/secret-path?secret-query")
    assert "_OTHER" in {span.name for span in receiver.spans()}
    assert b"secret" not in b"".join(receiver.bodies).lower()


async def test_no_secret_leaves(receiver: Receiver) -> None:
    """Nor a key, a query, a header or a body of the caller, nor an upload id of the store."""
    signatures = []
    async with traced_app(receiver) as app:
        signed = await app.client.post(URLS, json=GET)
        signatures.append(httpx.URL(signed.json()["url"]).params["X-Amz-Signature"])
        await app.client.post("/v1/multipart-uploads", json=UPLOAD)
        redirect = await app.client.get("/o/demo/a/secret-key?versionId=secret-version")
        assert redirect.is_redirect, redirect.text
        context = {"tracestate": "secret=state", "baggage": "secret=baggage", "cookie": "secret"}
        await app.client.post(URLS, json=GET, headers={"traceparent": TRACEPARENT, **context})
        await app.client.post(URLS, json={"secret": "body"}, headers={"User-Agent": "secret"})
        await app.client.post(URLS, json=GET, headers={"Authorization": "Bearer secret-forged"})
    exported = b"".join(receiver.bodies)
    assert b"/o/{path:path}" in exported
    secrets = {form for each in (API_KEY, SECRET, TOKEN, "ASIAEXAMPLE") for form in forms_of(each)}
    for secret in (*secrets, *signatures, "secret", "s3.example", "tester", "X-Amz"):
        assert secret.encode() not in exported, secret


async def test_a_client_that_does_not_wait_is_an_error(receiver: Receiver) -> None:
    async def leave() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise AssertionError(message)

    authorization = (b"authorization", f"Bearer {API_KEY}".encode())
    request = httpx.Request("POST", f"http://presign{URLS}")
    scope = {
        "type": "http",
        "scheme": "http",
        "method": "POST",
        "path": URLS,
        "query_string": b"",
        "headers": [*request.headers.raw, authorization],
    }
    async with traced_app(receiver) as app:
        await app_of(app.client)(scope, leave, send)
    (span,) = receiver.named(URLS_NAME)
    found = attributes(span.attributes)
    assert found["error.type"] == "no_response"
    assert "http.response.status_code" not in found


async def test_without_traces_the_gateway_is_not_wrapped() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        assert type(app_of(client).gateway) is Gateway


async def test_static_keys_are_not_called_sts(receiver: Receiver) -> None:
    static = {"region": "eu-west-1", "credentials": "static"}
    async with traced_app(receiver, buckets={"demo": static, "closed": static}) as app:
        assert (await app.client.post(URLS, json=GET)).status_code == 200
    assert {span.name for span in receiver.spans()} == {"static keys", URLS_NAME}
