"""What the process is started with: the file's path, and variables of the environment."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from service.config.caller_texts import KnownCallers
from service.config.quoting import safe_name
from service.config.reading import Files, Sources, find_sources, fingerprint, read_files
from service.config.server import ServerSettings
from service.errors import OTHER, ConfigurationError, ConfigurationProblem, Location
from service.field_names import nearest

_PREFIX: Final = "PRESIGN_"
_OF_THE_SERVICE: Final = (
    "PRESIGN_CONFIG",
    "PRESIGN_BASE_PATH",
    *(f"{_PREFIX}{name.upper()}" for name in ServerSettings.model_fields),
)
_OF_THE_CLIENT: Final = ("PRESIGN_URL", "PRESIGN_TOKEN", "PRESIGN_TOKEN_FILE")
# In each Pod, for a Service named presign or presign-…:
# kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_OF_KUBERNETES: Final = re.compile(
    r"PRESIGN(?:_[A-Z0-9_]+)?_"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)

_OTLP: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_OTLP_TRACES: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_OTLP_DISABLED: Final = "OTEL_SDK_DISABLED"
_OTLP_DEFAULT: Final = "http://localhost:4318"
_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_OTLP_EXTRA: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_NO_EXTRA: Final = (
    "traces need an extra: pip install ./client '.[otel]' in a clone; or OTEL_SDK_DISABLED=true"
)
_OTLP_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def configuration_source() -> str:
    """Return where the configuration is: PRESIGN_CONFIG, or presign.yaml.

    As a Lambda it may be a URL: see `service/aws_lambda/configuration.py`.
    """
    return os.environ.get("PRESIGN_CONFIG", "presign.yaml")


def configuration_path(path: Path | None) -> Path:
    """Return `path`, or the default."""
    return path or Path(configuration_source())


def configuration_sources(path: Path) -> Sources:
    """Return what the configuration at `path` is read from, even if it has errors."""
    return find_sources(path, os.environ)


def configuration_fingerprint(path: Path) -> str:
    """Return a digest of the configuration at `path`, and of all that it is read from."""
    return fingerprint(path, configuration_sources(path))


def configuration_files(path: Path | None, known: KnownCallers | None = None) -> Files:
    """Read the configuration at `path`, or at the default path. Raises ConfigurationError."""
    return read_files(configuration_path(path), os.environ, known)


def unread_variables(files: Files) -> list[ConfigurationProblem]:
    """Return a problem for each variable that neither the service nor `files` read."""
    return unknown_variables(os.environ.keys() - files.variables)


def callers_token() -> str | None:
    """Return the credential with which a command calls the service."""
    return os.environ.get("PRESIGN_TOKEN") or None


def located(problem: ConfigurationProblem, files: Files) -> ConfigurationProblem:
    """Return the problem with the file and the line, or the variable, of its setting."""
    if problem.other is not None:
        other = located(ConfigurationProblem("", problem.other), files)
        message = problem.message.replace(OTHER, f"{other.path} ({other.file}:{other.line})")
        problem = replace(problem, message=message, other=None)
    variable = _variable(problem.location)
    if variable in {name.upper() for name in os.environ}:
        return replace(problem, location=(variable,))
    return files.located(problem)


def _variable(location: Location) -> str | None:
    """Return the environment variable of a setting of `server`."""
    name = location[1:2] if location[:1] == ("server",) else ()
    return next((f"PRESIGN_{n}".upper() for n in name if n in ServerSettings.model_fields), None)


def base_path() -> str:
    """Return the path at which a custom domain serves the API, such as `/signing`, or nothing."""
    path = os.environ.get("PRESIGN_BASE_PATH", "").strip("/")
    return f"/{path}" if path else ""


def trace_header() -> str:
    """Return X-Ray's header of the current invocation, which the runtime client sets."""
    return os.environ.get("_X_AMZN_TRACE_ID", "")


def unknown_variables(variables: Iterable[str]) -> list[ConfigurationProblem]:
    """Return a problem for each variable that nothing reads: a misspelt limit is no limit.

    `variables` are names. Their case does not matter, as in `ServerSettings`.
    """
    known = [*_OF_THE_SERVICE, *_OF_THE_CLIENT]
    unknown = [
        name
        for name in sorted(variables)
        if name.upper().startswith(_PREFIX)
        and name.upper() not in known
        and not _OF_KUBERNETES.fullmatch(name)
    ]
    return [ConfigurationProblem(_message(name, known), (safe_name(name),)) for name in unknown]


def _message(name: str, known: list[str]) -> str:
    near = nearest(name.upper(), known, cutoff=0.75)
    if near:
        return f"unknown variable; did you mean {near}?"
    return (
        "unknown variable; only PRESIGN_CONFIG, PRESIGN_BASE_PATH and the settings of `server` "
        "have one; remove it"
    )


def traces_endpoint(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the URL that spans are sent to, or None if no traces are wanted.

    The SDK reads the other variables:
    opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables

    Raises ConfigurationError, also if the SDK is not installed. An empty variable counts as unset.
    """
    exporter = environ.get(_EXPORTER, "")
    named = next((name for name in (_OTLP_TRACES, _OTLP) if environ.get(name)), None)
    is_disabled = environ.get(_OTLP_DISABLED, "").lower() == "true"
    if is_disabled or exporter == "none" or not (exporter or named):
        return None
    if problems := [*_problems(environ, exporter, named)]:
        raise ConfigurationError(problems)
    endpoint = environ[named] if named else _OTLP_DEFAULT
    return endpoint if named == _OTLP_TRACES else f"{endpoint.removesuffix('/')}/v1/traces"


def _problems(
    environ: Mapping[str, str], exporter: str, named: str | None
) -> list[ConfigurationProblem]:
    """No problem shows the endpoint, which may have a password."""
    problems = []
    if exporter not in {"", "otlp"}:
        problems.append(_problem(_EXPORTER, "write otlp or none; there is no other exporter"))
    protocol = next((name for name in _OTLP_PROTOCOLS if environ.get(name)), None)
    if protocol and environ[protocol] != "http/protobuf":
        problems.append(_problem(protocol, "write http/protobuf; there is no other protocol"))
    if named and not _is_http_url(environ[named]):
        problems.append(_problem(named, "write a URL, such as http://collector:4318"))
    if not _is_installed():
        problems.append(_problem(named or _EXPORTER, _NO_EXTRA))
    return problems


def _problem(variable: str, text: str) -> ConfigurationProblem:
    return ConfigurationProblem(text, (variable,))


def _is_installed() -> bool:
    try:
        return all(find_spec(name) for name in _OTLP_EXTRA)
    except ModuleNotFoundError:  # a package above it is missing
        return False


def _is_http_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
