"""The parts of uvicorn, httptools and limits that are theirs alone, and that the service uses all the same.

A minor version may change any of them, so `pyproject.toml` admits none but those that were tried.
"""

import asyncio
import inspect
import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httptools
import pytest
import uvicorn
from limits.aio.storage import MemoryStorage
from packaging.requirements import Requirement
from packaging.version import Version
from uvicorn import _types
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.server import ServerState

ROOT = Path(__file__).parents[2]
CAPPED = ("uvicorn", "httptools", "limits")
PROTOCOL = [
    "_start_asgi_task",
    "_unset_keepalive_if_required",
    "_unsupported_upgrade_warning",
    "access_log",
    "access_logger",
    "app",
    "connection_lost",
    "connection_made",
    "cycle",
    "data_received",
    "expect_100_continue",
    "flow",
    "headers",
    "logger",
    "loop",
    "on_body",
    "on_header",
    "on_headers_complete",
    "on_message_begin",
    "on_message_complete",
    "on_response_complete",
    "on_url",
    "parser",
    "pause_writing",
    "pipeline",
    "resume_writing",
    "scope",
    "send_400_response",
    "server_state",
    "shutdown",
    "timeout_keep_alive",
    "timeout_keep_alive_handler",
    "timeout_keep_alive_task",
    "transport",
    "url",
]
CYCLE = [
    "body",
    "default_headers",
    "disconnected",
    "flow",
    "keep_alive",
    "message_event",
    "more_body",
    "on_response",
    "response_complete",
    "response_started",
    "scope",
    "send",
    "transport",
    "waiting_for_100_continue",
]
CYCLE_TAKES = [
    "access_log",
    "access_logger",
    "default_headers",
    "expect_100_continue",
    "flow",
    "keep_alive",
    "logger",
    "message_event",
    "on_response",
    "scope",
    "transport",
]
FLOW = ["drain", "pause_reading", "read_paused", "resume_reading", "write_paused"]
SERVER = [
    "config",
    "force_exit",
    "handle_exit",
    "lifespan",
    "on_tick",
    "server_state",
    "servers",
    "should_exit",
    "shutdown",
    "startup",
]
PARSER = ["feed_data", "get_http_version", "get_method", "should_keep_alive", "should_upgrade"]
STORAGE = ["acquire_sliding_window_entry", "expirations", "sliding_window_keys", "storage"]


def lacks(thing: Any, names: Iterable[str], package: str) -> list[str]:
    return [
        f"{package} {version(package)} has no {type(thing).__name__}.{name}, which the service uses"
        for name in names
        if not hasattr(thing, name)
    ]


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    pass


async def test_the_parts_of_uvicorn_that_the_service_overrides_are_there() -> None:
    config = uvicorn.Config(nothing, log_config=None)
    server = uvicorn.Server(config)
    assert not lacks(
        server, [each for each in SERVER if each not in {"servers", "lifespan"}], "uvicorn"
    )
    source = inspect.getsource(uvicorn.Server)
    assert "self.servers" in source, "uvicorn.Server has no `servers` any more"
    assert "self.lifespan" in source, "uvicorn.Server has no `lifespan` any more"
    config.load()
    protocol = httptools_impl.HttpToolsProtocol(
        config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop()
    )
    protocol.connection_made(_Transport())
    protocol.on_message_begin()
    protocol.on_url(b"/")
    assert not lacks(protocol, PROTOCOL, "uvicorn")
    assert not lacks(protocol.flow, FLOW, "uvicorn")
    for name in ("default_headers", "total_requests"):
        assert hasattr(protocol.server_state, name), f"uvicorn's ServerState has no {name} any more"


async def test_the_cycle_of_uvicorn_takes_and_has_what_the_service_gives_and_uses() -> None:
    cycle = httptools_impl.RequestResponseCycle
    assert sorted(inspect.signature(cycle).parameters) == sorted(CYCLE_TAKES)
    taken: dict[str, Any] = dict.fromkeys(CYCLE_TAKES)
    assert not lacks(cycle(**taken), CYCLE, "uvicorn")


def test_the_constants_and_types_of_uvicorn_are_there() -> None:
    assert httptools_impl.STATUS_LINE[200] == b"HTTP/1.1 200 OK\r\n"
    assert flow_control.HIGH_WATER_LIMIT == 65536
    for name in ("ASGISendEvent", "HTTPResponseBodyEvent", "HTTPResponseStartEvent"):
        assert hasattr(_types, name), f"uvicorn._types has no {name} any more"


def test_the_parts_of_httptools_are_there() -> None:
    assert not lacks(httptools.HttpRequestParser(object()), PARSER, "httptools")
    assert issubclass(httptools.HttpParserUpgrade, Exception)
    assert httptools.parse_url(b"/a?b").query == b"b"


def test_the_parts_of_limits_that_windows_override_are_there() -> None:
    storage = MemoryStorage()
    assert not lacks(storage, STORAGE, "limits")
    parameters = list(inspect.signature(storage.acquire_sliding_window_entry).parameters)
    assert parameters == ["key", "limit", "expiry", "amount"]
    assert len(MemoryStorage.sliding_window_keys("key", 60, 90.0)) == 2


@pytest.mark.parametrize("package", CAPPED)
def test_no_minor_version_is_admitted_that_was_not_tried(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {each.name: each for each in map(Requirement, project["dependencies"])}[package]
    tried = Version(version(package))
    assert tried in asked.specifier
    assert f"{tried.major}.{tried.minor + 1}" not in asked.specifier
    assert f"{tried.major + 1}.0" not in asked.specifier


class _Transport(asyncio.Transport):
    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - asyncio's signature
        return default
