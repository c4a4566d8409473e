"""The export of spans: a collector that is down costs no request, and one log line."""

import socket
import time
from collections.abc import Iterator

import pytest

from service import __version__
from service.telemetry.otlp import exported_spans
from service.telemetry.spans import Spans
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.late import again_if_late, within
from tests.support.otlp_receiver import Receiver, receiving
from tests.support.scrapes import GET
from tests.telemetry.test_log_requests import logged

QUEUE_LENGTH = 2048  # the SDK's default of OTEL_BSP_MAX_QUEUE_SIZE


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(name="silent_port")
def _silent_port() -> Iterator[int]:
    """A collector that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def make_spans(spans: Spans, count: int) -> None:
    for _ in range(count):
        with spans.call("S3.ListParts", {}):
            pass


async def test_a_collector_that_is_down_costs_no_request(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.05")
    settings = make_app_settings(make_open_grant())
    with logged() as lines, exported_spans(f"http://127.0.0.1:{silent_port}") as spans:
        async with run_app(settings, spans=spans) as client:
            for _ in range(3):
                assert (await client.post("/v1/download-urls", json=GET)).status_code == 200
            make_spans(spans, 2 * QUEUE_LENGTH)
    (line,) = [each for each in lines if each["logger"].startswith("opentelemetry")]
    assert line["level"] in {"WARNING", "ERROR"}


def test_the_log_gives_the_reason_and_the_recovery(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")  # ms
    receiver.status = 400
    with logged() as lines, exported_spans(f"{receiver.url}/v1/traces") as spans:
        deadline = time.monotonic() + 20
        while not receiver.bodies and time.monotonic() < deadline:
            make_spans(spans, 1)
            time.sleep(0.05)
            receiver.status = 200 if receiver.refused > 1 else 400
    assert [(each["level"], "400" in each["message"]) for each in lines] == [
        ("ERROR", True),
        ("WARNING", False),
    ]
    assert lines[1]["message"] == "spans are exported again"


@again_if_late
def test_a_shutdown_does_not_wait_for_the_collector(silent_port: int) -> None:
    with within(5), exported_spans(f"http://127.0.0.1:{silent_port}", flush_seconds=0.1) as spans:
        make_spans(spans, 1)


def test_the_last_spans_are_sent_before_the_end(receiver: Receiver) -> None:
    with exported_spans(f"{receiver.url}/v1/traces") as spans:
        make_spans(spans, QUEUE_LENGTH // 2)
    assert len(receiver.spans()) == QUEUE_LENGTH // 2


@pytest.mark.parametrize(
    ("environment", "name", "version"),
    [
        ({}, "presign", __version__),
        ({"OTEL_SERVICE_NAME": "signer"}, "signer", __version__),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.version=7"}, "a", "7"),
    ],
)
def test_the_environment_names_the_service(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    name: str,
    version: str,
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with exported_spans(f"{receiver.url}/v1/traces") as spans:
        make_spans(spans, 1)
    resource = receiver.resource()
    assert (resource["service.name"], resource["service.version"]) == (name, version)


def test_the_sampler_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with exported_spans(f"{receiver.url}/v1/traces") as spans:
        make_spans(spans, 10)
    assert receiver.bodies == []
