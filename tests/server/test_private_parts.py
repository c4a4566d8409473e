"""The private parts of uvicorn and httptools that the service uses, and what starlette must do.

A minor version may change them, so `pyproject.toml` allows only the versions that were tested.
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
from packaging.requirements import Requirement
from packaging.version import Version
from uvicorn import _types
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.server import ServerState

ROOT = Path(__file__).parents[2]
PROTOCOL = [
    *("_start_asgi_task", "_unset_keepalive_if_required", "_unsupported_upgrade_warning"),
    *("access_log", "access_logger", "app", "connection_lost", "connection_made", "cycle"),
    *("data_received", "expect_100_continue", "flow", "headers", "logger", "loop", "on_body"),
    *("on_header", "on_headers_complete", "on_message_begin", "on_message_complete"),
    *("on_response_complete", "on_url", "parser", "pause_writing", "pipeline", "resume_writing"),
    *("scope", "send_400_response", "server_state", "shutdown", "timeout_keep_alive"),
    *("timeout_keep_alive_handler", "timeout_keep_alive_task", "transport", "url"),
]
CYCLE = [
    *("body", "default_headers", "disconnected", "flow", "keep_alive", "message_event"),
    *("more_body", "on_response", "response_complete", "response_started", "scope", "send"),
    *("transport", "waiting_for_100_continue"),
]
CYCLE_ARGUMENTS = [
    *("access_log", "access_logger", "default_headers", "expect_100_continue", "flow"),
    *("keep_alive", "logger", "message_event", "on_response", "scope", "transport"),
]
FLOW = ["drain", "pause_reading", "read_paused", "resume_reading", "write_paused"]
SERVER = [
    *("config", "force_exit", "handle_exit", "on_tick", "server_state", "should_exit"),
    *("shutdown", "startup"),
]
PARSER = ["feed_data", "get_http_version", "get_method", "should_keep_alive", "should_upgrade"]


def missing(thing: Any, names: Iterable[str], package: str) -> list[str]:
    return [
        f"{package} {version(package)} has no {type(thing).__name__}.{name}, which the service uses"
        for name in names
        if not hasattr(thing, name)
    ]


async def app(scope: Any, receive: Any, send: Any) -> None:
    pass


async def test_uvicorn_has_what_the_service_overrides() -> None:
    config = uvicorn.Config(app, log_config=None)
    assert not missing(uvicorn.Server(config), SERVER, "uvicorn")
    source = inspect.getsource(uvicorn.Server)
    for name in ("servers", "lifespan"):
        assert f"self.{name}" in source, f"uvicorn.Server no longer has `{name}`"
    config.load()
    protocol = httptools_impl.HttpToolsProtocol(
        config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop()
    )
    protocol.connection_made(_Transport())
    protocol.on_message_begin()
    protocol.on_url(b"/")
    assert not missing(protocol, PROTOCOL, "uvicorn")
    assert not missing(protocol.flow, FLOW, "uvicorn")
    assert not missing(protocol.server_state, ("default_headers", "total_requests"), "uvicorn")


async def test_uvicorns_cycle_has_the_expected_arguments_and_attributes() -> None:
    cycle = httptools_impl.RequestResponseCycle
    assert sorted(inspect.signature(cycle).parameters) == sorted(CYCLE_ARGUMENTS)
    arguments: dict[str, Any] = dict.fromkeys(CYCLE_ARGUMENTS)
    assert not missing(cycle(**arguments), CYCLE, "uvicorn")


def test_uvicorn_has_the_expected_constants_and_types() -> None:
    assert httptools_impl.STATUS_LINE[200] == b"HTTP/1.1 200 OK\r\n"
    assert flow_control.HIGH_WATER_LIMIT == 65536
    for name in ("ASGISendEvent", "HTTPResponseBodyEvent", "HTTPResponseStartEvent"):
        assert hasattr(_types, name), f"uvicorn._types no longer has {name}"


def test_httptools_has_what_the_service_uses() -> None:
    assert not missing(httptools.HttpRequestParser(object()), PARSER, "httptools")
    assert issubclass(httptools.HttpParserUpgrade, Exception)
    assert httptools.parse_url(b"/a?b").query == b"b"


@pytest.mark.parametrize("package", ["uvicorn", "httptools"])
def test_only_tested_minor_versions_are_allowed(package: str) -> None:
    allowed, tested = required(package).specifier, Version(version(package))
    assert tested in allowed
    assert f"{tested.major}.{tested.minor + 1}" not in allowed
    assert f"{tested.major + 1}.0" not in allowed


def test_only_cors_rules_that_need_no_origin_are_allowed() -> None:
    """Each call passes them, and in starlette 1.6 they fail for one without an `Origin`."""
    assert "1.6.0" not in required("starlette").specifier


def required(package: str) -> Requirement:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {each.name: each for each in map(Requirement, project["dependencies"])}[package]


class _Transport(asyncio.Transport):
    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default
