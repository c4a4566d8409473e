"""Every step of a signature against AWS's worked examples and the vectors of its C library.

Each step is fed what was published for the step before, so that a fault shows where it is. The
vectors are of a service that folds paths, which S3 does not do: there, the test folds them.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote

import pytest

from service.signing import sigv4
from service.signing.requests import GetObject
from service.signing.signer import Address, Signer
from service.signing.sigv4 import Credentials, SigningState

DATA: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/sigv4-vectors.json").read_text(encoding="utf-8")
)
VECTORS: Final[dict[str, dict[str, Any]]] = {vector["id"]: vector for vector in DATA["aws_c_auth_v4"]}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "presigned GET": DATA["aws_docs"]["presigned_get"],
    **{example["name"]: example for example in DATA["aws_docs"]["header_auth"]},
}
POST: Final[dict[str, Any]] = DATA["aws_docs"]["post_policy"]

# (vector, step): why it does not apply
LEFT_OUT: Final = {
    ("post-sts-header-after", "url"): "its token is put in after signing; S3 wants it signed",
}

# The last line of the string to sign, on the pages that `source` names
DOCUMENTED_DIGESTS: Final = {
    "presigned GET": "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04",
    "GET object with Range": "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
    "PUT object": "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
    "GET ?lifecycle": "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
    "List objects": "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
}

# docs.aws.amazon.com/general/latest/gr/signature-v4-examples.html and sigv4-calculate-signature.html
DOCUMENTED_KEYS: Final = {
    ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam"): (
        "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
    ),
    ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam"): (
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    ),
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
    """One vector in one of its two variants: signed by headers, or by the query."""

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
QUERY_CASES: Final = [
    Case(name, "query") for name in VECTORS if (name, "url") not in LEFT_OUT
]


def parse(text: str) -> Request:
    """The little of HTTP that the vectors use: folded lines, and repeated headers."""
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


def folded(path: str) -> str:
    """`path` without empty and dot segments, as all services but S3 sign it."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments.pop()
        elif segment not in {"", "."}:
            segments.append(segment)
    tail = "/" if segments and path.endswith("/") else ""
    return f"/{'/'.join(segments)}{tail}"


def signed_path(case: Case, request: Request) -> str:
    path = folded(request.path) if case.context["normalize"] else request.path
    return sigv4.percent_encode(path, safe="/")


def signed_headers(case: Case, request: Request) -> dict[str, str]:
    """Those of the request, and in the header variant those that the signer adds."""
    if case.variant == "query":
        return request.headers
    headers = {**request.headers, "x-amz-date": case.timestamp}
    if case.signed_token is not None:
        headers["x-amz-security-token"] = case.signed_token
    if case.context["sign_body"]:
        headers["x-amz-content-sha256"] = sha256(request.body.encode()).hexdigest()
    return headers


def signed_query(case: Case, request: Request) -> str:
    """That of the request, and in the query variant what the signer adds."""
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


def signature(secret: str, date: str, region: str, service: str, string: str) -> str:
    return SigningState(sigv4.signing_key(secret, date, region, service)).signature(string)


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


@pytest.mark.parametrize("name", VECTORS)
def test_scope_and_signed_headers_in_the_authorization_of_a_vector(name: str) -> None:
    case = Case(name, "header")
    request = parse(VECTORS[name]["request"])
    key_id = case.context["credentials"]["access_key_id"]
    names = sigv4.signed_headers(signed_headers(case, request))
    authorization = parse(case.published("signed_request")).headers["authorization"]
    assert authorization == (
        f"{sigv4.ALGORITHM} Credential={key_id}/{case.scope}, "
        f"SignedHeaders={names}, Signature={case.published('signature')}"
    )


@pytest.mark.parametrize("case", QUERY_CASES, ids=str)
def test_query_of_the_url_of_a_vector(case: Case) -> None:
    """Pieces are compared as a set: the vectors' query is in another order than the canonical."""
    target = case.published("signed_request").splitlines()[0].removesuffix(" HTTP/1.1")
    pieces = target.partition("?")[2].split("&")
    request = parse(VECTORS[case.id]["request"])
    ours = [*signed_query(case, request).split("&")]
    ours.append(f"X-Amz-Signature={case.published('signature')}")
    assert sorted(ours) == sorted(_encoded(pieces))


def _encoded(pieces: list[str]) -> Iterator[str]:
    """One vector prints its query before it is encoded."""
    return (sigv4.percent_encode(piece, safe="=%-") for piece in pieces)


def test_what_is_left_out_exists() -> None:
    assert {name for name, _ in LEFT_OUT} <= VECTORS.keys()


def test_no_vector_is_lost() -> None:
    assert len(VECTORS) == len(DATA["aws_c_auth_v4"]) == 38


@pytest.mark.parametrize(("scope", "key"), DOCUMENTED_KEYS.items(), ids=str)
def test_signing_key_of_the_manual(scope: tuple[str, str, str, str], key: str) -> None:
    assert sigv4.signing_key(*scope).hex() == key


@pytest.mark.parametrize("name", EXAMPLES)
def test_canonical_request_of_an_example(name: str) -> None:
    example = EXAMPLES[name]
    lines = example["canonical_request"].splitlines()
    headers = example.get("headers") or {"host": example["host"]}
    payload_hash = example.get("payload_sha256", sigv4.UNSIGNED_PAYLOAD)
    query = sigv4.canonical_query(_pairs(lines[2]))
    canonical = sigv4.canonical_request(
        example["method"], example["path"], query, headers, payload_hash
    )
    assert canonical == example["canonical_request"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_string_to_sign_of_an_example(name: str) -> None:
    example = EXAMPLES[name]
    scope = sigv4.credential_scope(example["amz_date"][:8], example["region"], "s3")
    string = sigv4.string_to_sign(example["amz_date"], scope, example["canonical_request"])
    assert string == (
        f"AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
        f"{DOCUMENTED_DIGESTS[name]}"
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_signature_of_an_example(name: str) -> None:
    example = EXAMPLES[name]
    date, region = example["amz_date"][:8], example["region"]
    string = (
        f"AWS4-HMAC-SHA256\n{example['amz_date']}\n{date}/{region}/s3/aws4_request\n"
        f"{DOCUMENTED_DIGESTS[name]}"
    )
    assert signature(example["secret_key"], date, region, "s3", string) == example["signature"]


def test_url_of_the_presigned_example() -> None:
    example = EXAMPLES["presigned GET"]
    signer = Signer(
        Credentials(
            access_key_id=example["access_key"], secret_access_key=example["secret_key"]
        ),
        Address(scheme="https", host=example["host"], path_prefix="/", region=example["region"]),
    )
    # 2013-05-24T00:00:00Z
    url = signer.presign(GetObject(), "test.txt", now=1_369_353_600, expires_in=example["expires"])
    assert url == example["url"]


def test_signature_of_the_post_policy_example() -> None:
    policy = b64encode(POST["policy"].encode()).decode()
    assert policy == POST["policy_base64"]
    assert POST["signature"] == signature(
        POST["secret_key"], POST["date"], POST["region"], "s3", policy
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    """Reversed, so that the sorting has something to do."""
    pieces = [piece.partition("=") for piece in reversed(query.split("&")) if piece]
    return [(unquote(name), unquote(value)) for name, _, value in pieces]
