"""HTTP requests as the events that AWS makes of them, and results as the responses that it sends.

Each kind is written from AWS's description of its payload. `HTTP_API` decodes the path and joins
repeated headers; the others do not, and only `FUNCTION_URL` and `HTTP_API` pass the query unread.
"""

import base64
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

CLIENT: Final = "203.0.113.7"
_DOMAINS: Final = {
    "http_api": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
    "function_url": "abcdefghij.lambda-url.eu-west-1.on.aws",
    "rest_api": "f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com",
}


class Kind(StrEnum):
    HTTP_API = "http_api"
    FUNCTION_URL = "function_url"
    REST_API = "rest_api"
    LOAD_BALANCER = "load_balancer"


def event_of(
    kind: Kind,
    method: str,
    url: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> dict[str, Any]:
    """Return the event for a request. `url` is its path and query as the client sends them."""
    parts = urlsplit(url)
    pairs = [*(headers.items() if isinstance(headers, Mapping) else headers)]
    if kind in {Kind.HTTP_API, Kind.FUNCTION_URL}:
        event = _version_2(kind, method, parts.path, parts.query, pairs)
    else:
        event = _version_1(kind, method, parts.path, parts.query, pairs)
    return event | _body(body)


def response_of(result: Mapping[str, Any]) -> httpx.Response:
    """Return the response that a client gets for a function's result."""
    content = result["body"].encode()
    if result["isBase64Encoded"]:
        content = base64.b64decode(content)
    headers = [*result.get("headers", {}).items()]
    headers += [
        (name, value)
        for name, values in result.get("multiValueHeaders", {}).items()
        for value in values
    ]
    return httpx.Response(result["statusCode"], headers=headers, content=content)


def _version_2(
    kind: Kind, method: str, path: str, query: str, headers: list[tuple[str, str]]
) -> dict[str, Any]:
    raw_path = unquote(path) if kind is Kind.HTTP_API else path
    joined: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        joined[lower] = f"{joined[lower]},{value}" if lower in joined else value
    domain = _DOMAINS[kind]
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": joined,
        "requestContext": {
            "accountId": "111122223333",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": CLIENT,
                "userAgent": "test",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "$default",
            "timeEpoch": 1767225600000,
        },
    }


def _version_1(
    kind: Kind, method: str, path: str, query: str, headers: list[tuple[str, str]]
) -> dict[str, Any]:
    many: dict[str, list[str]] = {}
    for name, value in headers:
        many.setdefault(name, []).append(value)
    if kind is Kind.LOAD_BALANCER:
        many.setdefault("x-forwarded-for", []).append(f"198.51.100.1, {CLIENT}")
        split = (each.partition("=") for each in query.split("&") if each)
        pairs = [(name, value) for name, _, value in split]
        context: dict[str, Any] = {
            "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:x"}
        }
    else:
        pairs = parse_qsl(query, keep_blank_values=True)
        context = {
            "apiId": "f6g7h8i9j0",
            "domainName": _DOMAINS[kind],
            "identity": {"sourceIp": CLIENT},
            "path": f"/prod{path}",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "stage": "prod",
        }
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    event: dict[str, Any] = {
        "httpMethod": method,
        "path": path,
        "multiValueHeaders": many,
        "multiValueQueryStringParameters": values or None,
        "requestContext": context,
    }
    if kind is Kind.REST_API:
        event |= {
            "resource": "/{proxy+}",
            "headers": {name: each[-1] for name, each in many.items()},
            "queryStringParameters": {name: each[-1] for name, each in values.items()} or None,
        }
    return event


def _body(body: bytes) -> dict[str, Any]:
    try:
        return {"body": body.decode() if body else None, "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
