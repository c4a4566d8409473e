"""`presign serve` exports traces, in front of a store that verifies signatures."""

import signal
from pathlib import Path
from typing import Final

import httpx

from tests.support.otlp_receiver import receiving
from tests.support.processes import free_ports
from tests.support.service import API_KEY, make_settings, run_service_process
from tests.support.stores import Store

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_first_upload_is_one_trace_with_sts_and_the_store(
    ministack: Store, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    settings = make_settings(ministack) | {"server": {"drain_seconds": 0}}
    headers = {
        "Authorization": f"Bearer {API_KEY}",
        "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
    }
    with receiving() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **ministack.base_keys}
        with run_service_process(settings, tmp_path, port, **variables) as service:
            answer = httpx.post(
                f"http://127.0.0.1:{port}/v1/multipart-uploads",
                json={"bucket": "objects", "key": "a", "content_length": 5},
                headers=headers,
                trust_env=False,
                timeout=60,
            )
            service.send_signal(signal.SIGTERM)
            assert service.wait(60) == 0
        spans = {span.name: span for span in receiver.spans() if span.trace_id.hex() == TRACE}
    assert answer.status_code == 201, answer.text
    assert set(receiver.paths) == {"/v1/traces"}
    request = spans.pop("POST /v1/multipart-uploads")
    assert spans.keys() == {"STS.AssumeRole", "S3.CreateMultipartUpload"}
    assert {span.parent_span_id for span in spans.values()} == {request.span_id}
