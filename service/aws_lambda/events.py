"""Reads the HTTP request in an event, and writes the result that Lambda expects for it. Pure.

There are three shapes of events: payload 2.0 (HTTP APIs, function URLs), payload 1.0 (REST APIs,
HTTP APIs that ask for it) and that of an Application Load Balancer. AWS describes them in
docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html and
docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html

Traps, each with its test:
- An HTTP API sends the path decoded, everything else sends it as the client did. So it is encoded
  again only there: a path that is decoded twice would name another object.
- A REST API sends the query's parameters decoded, a load balancer does not.
- An HTTP API puts its stage in front of the path, unless the request came by a custom domain. A
  REST API and a custom domain put the base path there.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any, Final, Literal
from urllib.parse import quote, unquote, urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

Headers = list[tuple[bytes, bytes]]
# How a result has its headers: one value for each name, or a list of them.
ResultKind = Literal["single", "multiple", "load_balancer", "load_balancer_multiple"]

# RFC 3986, 3.3: what a path may have besides letters, digits and percent-encoding.
_PATH_CHARACTERS: Final = "/!$&'()*+,;=:@~"
# Of a result as JSON: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, and for load
# balancers docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
_RESULT_BYTES: Final = 6 * 1024**2
_LOAD_BALANCERS_BYTES: Final = 1024**2
_LONGEST_ESCAPE: Final = 6  # JSON writes a control character as \u0000
_FORWARDED_FOR: Final = b"x-forwarded-for"
# They belong to one connection, and whatever is in front of Lambda sets its own.
_OF_THE_CONNECTION: Final = frozenset({b"connection", b"content-length"})


class UnreadableEvent(Exception):
    """The event is no HTTP request. The message quotes nothing from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """An event as an HTTP request."""

    method: str
    raw_path: bytes
    query: bytes
    headers: Headers
    body: bytes
    client: str | None
    result: ResultKind

    @property
    def path(self) -> str:
        return unquote(self.raw_path.decode("ascii"))


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class _Http(_Model):
    method: str
    source_ip: str | None = None


class _Context2(_Model):
    http: _Http
    stage: str = "$default"
    domain_name: str = ""


class _Event2(_Model):
    raw_path: str
    raw_query_string: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    is_base64_encoded: bool = False
    request_context: _Context2


class _ClientAddress(_Model):
    source_ip: str | None = None


class _Context1(_Model):
    identity: _ClientAddress = _ClientAddress()
    stage: str = "$default"
    domain_name: str | None = None
    elb: dict[str, Any] | None = None


class _Event1(_Model):
    """`version` is set by an HTTP API and not by a REST API."""

    version: str | None = None
    http_method: str
    path: str
    headers: dict[str, str] | None = None
    multi_value_headers: dict[str, list[str]] | None = None
    query_string_parameters: dict[str, str] | None = None
    multi_value_query_string_parameters: dict[str, list[str]] | None = None
    body: str | None = None
    is_base64_encoded: bool = False
    request_context: _Context1


def read_event(event: object, base_path: str = "") -> HttpRequest:
    """Return the request in an event. Raises UnreadableEvent.

    `base_path`, such as `/signing`, is removed from the path if the path begins with it.
    """
    if not isinstance(event, Mapping):
        raise UnreadableEvent("it is no object")
    try:
        if event.get("version") == "2.0":
            return _read_version_2(_Event2.model_validate(event), base_path)
        return _read_version_1(_Event1.model_validate(event), base_path)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        location = ".".join(str(part) for part in first["loc"])
        raise UnreadableEvent(f"{location}: {first['msg']}") from None


def _read_version_2(event: _Event2, base_path: str) -> HttpRequest:
    context = event.request_context
    is_function_url = ".lambda-url." in context.domain_name
    path = event.raw_path
    if not is_function_url:
        path = _without_stage(path, context.stage, context.domain_name)
    return HttpRequest(
        method=context.http.method.upper(),
        raw_path=_raw_path(path, base_path, is_decoded=not is_function_url),
        query=event.raw_query_string.encode(errors="surrogatepass"),
        headers=_encoded(event.headers.items()),
        body=_body(event.body, is_base64=event.is_base64_encoded),
        client=context.http.source_ip,
        result="single",
    )


def _read_version_1(event: _Event1, base_path: str) -> HttpRequest:
    context, is_http_api, path = event.request_context, event.version == "1.0", event.path
    if is_http_api:
        path = _without_stage(path, context.stage, context.domain_name or "")
    headers = _repeated(event.multi_value_headers, event.headers)
    query = _repeated(event.multi_value_query_string_parameters, event.query_string_parameters)
    encoded, is_load_balancer = _encoded(headers), context.elb is not None
    client: str | None
    if is_load_balancer:
        # The load balancer appends the address that it sees: the others are the client's claims.
        seen = [value for name, value in encoded if name == _FORWARDED_FOR]
        client = seen[-1].rpartition(b",")[2].strip().decode("latin-1") if seen else None
        text = "&".join(f"{name}={value}" for name, value in query)
    else:
        client = context.identity.source_ip
        text = urlencode(query, quote_via=quote, errors="surrogatepass")
    return HttpRequest(
        method=event.http_method.upper(),
        raw_path=_raw_path(path, base_path, is_decoded=is_http_api),
        query=text.encode(errors="surrogatepass"),
        headers=encoded,
        body=_body(event.body, is_base64=event.is_base64_encoded),
        client=client,
        result=_load_balancers_result(event) if is_load_balancer else "multiple",
    )


def _load_balancers_result(event: _Event1) -> ResultKind:
    """A target group has multi-value headers in both directions, or in none."""
    return "load_balancer" if event.multi_value_headers is None else "load_balancer_multiple"


def _without_stage(path: str, stage: str, domain_name: str) -> str:
    if stage == "$default" or ".execute-api." not in domain_name:
        return path
    return _without_prefix(path, f"/{stage}")


def _without_prefix(path: str, prefix: str) -> str:
    return path[len(prefix) :] if path == prefix or path.startswith(f"{prefix}/") else path


def _raw_path(path: str, base_path: str, *, is_decoded: bool) -> bytes:
    """Return the path as a client sends it: percent-encoded, and in ASCII."""
    safe = _PATH_CHARACTERS if is_decoded else f"{_PATH_CHARACTERS}%"
    path = _without_prefix(path, base_path) if base_path else path
    return quote(path or "/", safe=safe, errors="surrogatepass").encode("ascii")


def _repeated(
    multiple: Mapping[str, list[str]] | None, single: Mapping[str, str] | None
) -> list[tuple[str, str]]:
    """Return names and values, one pair for each value of a repeated name."""
    if multiple is not None:
        return [(name, value) for name, values in multiple.items() for value in values]
    return list((single or {}).items())


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [
        (name.lower().encode(errors="surrogatepass"), value.encode(errors="surrogatepass"))
        for name, value in headers
    ]


def _body(body: str | None, *, is_base64: bool) -> bytes:
    if is_base64:
        try:
            return base64.b64decode(body or "", validate=True)
        except ValueError:  # also for characters beyond ASCII
            raise UnreadableEvent("body: it is not base64") from None
    return (body or "").encode(errors="surrogatepass")


def write_result(
    kind: ResultKind, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> dict[str, Any]:
    """Return a response as Lambda's result. `kind` is the `result` of the `HttpRequest`."""
    sent: dict[str, list[str]] = {}
    for name, value in headers:
        if name not in _OF_THE_CONNECTION:
            sent.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    written: dict[str, Any] = {"statusCode": status, **_written_body(body)}
    if kind in {"multiple", "load_balancer_multiple"}:
        written["multiValueHeaders"] = sent
    else:  # RFC 9110, 5.2: a repeated header may be one list
        written["headers"] = {name: ", ".join(values) for name, values in sent.items()}
    if kind.startswith("load_balancer"):
        written["statusDescription"] = f"{status} {responses.get(status, '')}".rstrip()
    return written


def is_too_large(kind: ResultKind, result: Mapping[str, Any]) -> bool:
    """Whether Lambda or the load balancer would refuse a result of `write_result`."""
    limit = _LOAD_BALANCERS_BYTES if kind.startswith("load_balancer") else _RESULT_BYTES
    may_be = len(result["body"]) * _LONGEST_ESCAPE > limit // 2  # the rest is for the headers
    return may_be and len(to_json(result)) > limit


def _written_body(body: bytes) -> dict[str, Any]:
    try:
        return {"body": body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
