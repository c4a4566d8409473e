"""The standard variables of OpenTelemetry that decide whether, and where to, spans are exported.

The SDK reads the others: opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables
"""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from service.errors import ConfigurationError, ConfigurationProblem

_BASE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_DEFAULT: Final = "http://localhost:4318"
_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_EXTRA: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def traces_endpoint(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the URL that spans are sent to, or None if no traces are wanted.

    Raises ConfigurationError, also if the SDK is not installed. An empty variable counts as unset.
    """
    exporter = environ.get(_EXPORTER, "")
    named = next((name for name in (_TRACES, _BASE) if environ.get(name)), None)
    is_disabled = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_disabled or exporter == "none" or not (exporter or named):
        return None
    if problems := [*_problems(environ, exporter, named)]:
        raise ConfigurationError(problems)
    endpoint = environ[named] if named else _DEFAULT
    return endpoint if named == _TRACES else f"{endpoint.removesuffix('/')}/v1/traces"


def _problems(
    environ: Mapping[str, str], exporter: str, named: str | None
) -> list[ConfigurationProblem]:
    """No problem shows the endpoint, which may have a password."""
    problems = []
    if exporter not in {"", "otlp"}:
        problems.append(_problem(_EXPORTER, "write otlp or none; there is no other exporter"))
    protocol = next((name for name in _PROTOCOLS if environ.get(name)), None)
    if protocol and environ[protocol] != "http/protobuf":
        problems.append(_problem(protocol, "write http/protobuf; there is no other protocol"))
    if named and not _is_http_url(environ[named]):
        problems.append(_problem(named, "write a URL, such as http://collector:4318"))
    if not _is_installed():
        text = "traces need the extra: pip install 'presign[otel]', or set OTEL_SDK_DISABLED=true"
        problems.append(_problem(named or _EXPORTER, text))
    return problems


def _problem(variable: str, text: str) -> ConfigurationProblem:
    return ConfigurationProblem(text, (variable,))


def _is_installed() -> bool:
    try:
        return all(find_spec(name) for name in _EXTRA)
    except ModuleNotFoundError:  # a package above it is missing
        return False


def _is_http_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
