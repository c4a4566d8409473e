"""Each step of a signature with the vectors of AWS's C library.

Each step gets the published result of the step before, so a failure shows the faulty step. The
vectors are for a service that normalizes paths. S3 does not, so the test does it.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import unquote

import pytest

from service.signing import sigv4
from tests.signing.vectors import DATA, signature

VECTORS: Final[dict[str, dict[str, Any]]] = {
    vector["id"]: vector for vector in DATA["aws_c_auth_v4"]
}
Variant = Literal["header", "query"]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Case:
    """One vector in one of its two variants: signed in headers, or in the query."""

    id: str
    variant: Variant

    def __str__(self) -> str:
        return f"{self.id}-{self.variant}"

    def published(self, name: str) -> str:
        text: str = VECTORS[self.id][f"{self.variant}_{name}"]
        return text

    @property
    def context(self) -> dict[str, Any]:
        context: dict[str, Any] = VECTORS[self.id]["context"]
        return context

    @property
    def timestamp(self) -> str:
        return str(self.context["timestamp"]).replace("-", "").replace(":", "")

    @property
    def scope(self) -> str:
        return sigv4.credential_scope(
            self.timestamp[:8], self.context["region"], self.context["service"]
        )

    @property
    def signed_token(self) -> str | None:
        token: str | None = self.context["credentials"].get("token")
        return None if self.context.get("omit_session_token") else token


CASES: Final = [Case(name, variant) for name in VECTORS for variant in ("header", "query")]


def parse(text: str) -> Request:
    """The part of HTTP that the vectors use: folded lines and repeated headers."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.replace("\n ", " ").splitlines()
    method, target = first.removesuffix(" HTTP/1.1").split(" ", 1)
    path, _, query = target.partition("?")
    pairs = [piece.partition("=") for piece in query.split("&") if piece]
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return Request(method, path, [(unquote(n), unquote(v)) for n, _, v in pairs], headers, body)


def normalized(path: str) -> str:
    """`path` without empty and dot segments, as all services except S3 sign it."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments.pop()
        elif segment not in {"", "."}:
            segments.append(segment)
    tail = "/" if segments and path.endswith("/") else ""
    return f"/{'/'.join(segments)}{tail}"


def signed_path(case: Case, request: Request) -> str:
    path = normalized(request.path) if case.context["normalize"] else request.path
    return sigv4.percent_encode(path, safe="/")


def signed_headers(case: Case, request: Request) -> dict[str, str]:
    """The request's headers, with those that the signer adds in the header variant."""
    if case.variant == "query":
        return request.headers
    headers = {**request.headers, "x-amz-date": case.timestamp}
    if case.signed_token is not None:
        headers["x-amz-security-token"] = case.signed_token
    if case.context["sign_body"]:
        headers["x-amz-content-sha256"] = sha256(request.body.encode()).hexdigest()
    return headers


def signed_query(case: Case, request: Request) -> str:
    """The request's query, with what the signer adds in the query variant."""
    if case.variant == "header":
        return sigv4.canonical_query(request.query)
    parameters = [
        *request.query,
        ("X-Amz-Algorithm", sigv4.ALGORITHM),
        ("X-Amz-Credential", f"{case.context['credentials']['access_key_id']}/{case.scope}"),
        ("X-Amz-Date", case.timestamp),
        ("X-Amz-Expires", str(case.context["expiration_in_seconds"])),
        ("X-Amz-SignedHeaders", sigv4.signed_headers(request.headers)),
    ]
    if case.signed_token is not None:
        parameters.append(("X-Amz-Security-Token", case.signed_token))
    return sigv4.canonical_query(parameters)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_canonical_request_of_a_vector(case: Case) -> None:
    request = parse(VECTORS[case.id]["request"])
    canonical = sigv4.canonical_request(
        request.method,
        signed_path(case, request),
        signed_query(case, request),
        signed_headers(case, request),
        sha256(request.body.encode()).hexdigest(),
    )
    assert canonical == case.published("canonical_request")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_string_to_sign_of_a_vector(case: Case) -> None:
    canonical = case.published("canonical_request")
    string = sigv4.string_to_sign(case.timestamp, case.scope, canonical)
    assert string == case.published("string_to_sign")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_signature_of_a_vector(case: Case) -> None:
    context = case.context
    assert case.published("signature") == signature(
        context["credentials"]["secret_access_key"],
        case.timestamp[:8],
        context["region"],
        context["service"],
        case.published("string_to_sign"),
    )


def test_all_vectors_are_used() -> None:
    assert len(VECTORS) == len(DATA["aws_c_auth_v4"]) == 38
