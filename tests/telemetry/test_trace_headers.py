"""The current span goes on to STS and to issuers, over real HTTP. test_spans.py has the stores."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from opentelemetry.sdk.trace import TracerProvider

from service.auth.jwks_client import JwksEndpoint
from service.sessions.source import SessionRefused
from service.telemetry.spans import Spans, trace_headers
from tests.sessions.test_sts_over_http import make_role
from tests.support.stub_server import response, sends, serving

GOOD = sends(response(b'{"keys": []}'))


@pytest.fixture(name="spans")
def _spans() -> Iterator[Spans]:
    provider = TracerProvider(shutdown_on_exit=False)
    yield Spans(provider.get_tracer("tests"))
    provider.shutdown()


async def assume_role(url: str) -> None:
    async with make_role(url) as role:
        with suppress(SessionRefused):  # the stub's answer has no session
            await role.fetch(None, None)


async def fetch_keys(url: str) -> None:
    await JwksEndpoint(url, ca_file=None, bearer_file=None).fetch()


@pytest.mark.parametrize("send", [assume_role, fetch_keys])
async def test_a_request_has_the_traceparent_of_its_span(spans: Spans, send: object) -> None:
    assert callable(send)
    async with serving(GOOD) as server:
        with spans.call("call", {}):
            sent = trace_headers()["traceparent"]
            await send(server.origin)
        await send(server.origin)
    in_span, without = (request.lower() for request in server.requests)
    assert f"traceparent: {sent}\r\n" in in_span
    assert "traceparent" not in without
    assert "tracestate" not in in_span + without


async def test_the_signature_for_sts_does_not_cover_it(spans: Spans) -> None:
    async with serving(GOOD) as server:
        with spans.call("call", {}):
            await assume_role(server.origin)
    signed = server.requests[0].partition("SignedHeaders=")[2].partition(",")[0]
    assert signed == "content-type;host;x-amz-date"
