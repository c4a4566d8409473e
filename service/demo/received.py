"""A request as the demo's store received it, and what SigV4 says in it. Pure.

docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from service.demo.store_errors import StoreError
from service.signing import sigv4
from service.signing.signer import MAX_EXPIRES_IN

IN_THE_QUERY: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """`path` and `query` are decoded. Names of `headers` are in lower case.

    `query` is in the order of the URL.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def parameter(self, name: str) -> str | None:
        return next((value for each, value in self.query if each == name), None)


class Credential(NamedTuple):
    """A credential without its last part, which is always `aws4_request`."""

    access_key_id: str
    date: str
    region: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What a query, an `Authorization` header or the fields of a form say.

    `timestamp` is YYYYMMDDTHHMMSSZ. Only a query has `expires_in`, in seconds.
    """

    credential: Credential
    timestamp: str
    signature: str
    signed_headers: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    expires_in: int | None = None


def parse_target(target: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the decoded path and query of a request's target. Raises StoreError."""
    path, _, query = target.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
        return unquote(path, errors="strict"), tuple(pairs)
    except (UnicodeDecodeError, ValueError):
        raise StoreError(400, "InvalidURI", "Couldn't parse the specified URI.") from None


def parse_authentication(request: ReceivedRequest) -> Authentication | None:
    """Return None for a request that is not signed. Raises StoreError."""
    names = {name.lower() for name, _ in request.query}
    in_the_query = not names.isdisjoint(name.lower() for name in IN_THE_QUERY)
    header = request.headers.get("authorization")
    if header and in_the_query:
        message = (
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified"
        )
        raise StoreError(400, "InvalidArgument", message, ArgumentName="Authorization")
    if header and not header.startswith(f"{sigv4.ALGORITHM} "):
        message = "Unsupported Authorization Type"
        raise StoreError(400, "InvalidArgument", message, ArgumentName="Authorization")
    if "signature" in names:  # SigV2
        message = (
            "The authorization mechanism you have provided is not supported. "
            f"Please use {sigv4.ALGORITHM}."
        )
        raise StoreError(400, "InvalidRequest", message)
    if in_the_query:
        return _in_the_query(request)
    return _in_the_header(request, header) if header else None


def parse_credential(credential: str, timestamp: str, code: str) -> Credential:
    """Raises StoreError with this code."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        message = (
            "Error parsing the Credential; it is mal-formed; "
            'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
        raise StoreError(400, code, message)
    if _TIMESTAMP.fullmatch(timestamp) is None:
        message = "the date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        raise StoreError(400, code, message)
    if parts[1] != timestamp[:8]:
        message = (
            f'Invalid credential date "{parts[1]}". This date is not the same as "{timestamp}".'
        )
        raise StoreError(400, code, message)
    return Credential(*parts[:4])


def _in_the_query(request: ReceivedRequest) -> Authentication:
    code = "AuthorizationQueryParametersError"
    found = {name: request.parameter(name) for name in IN_THE_QUERY}
    given = {name: value for name, value in found.items() if value}
    if len(given) < len(IN_THE_QUERY):
        message = (
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
        raise StoreError(400, code, message)
    if given["X-Amz-Algorithm"] != sigv4.ALGORITHM:
        raise StoreError(400, code, f'X-Amz-Algorithm only supports "{sigv4.ALGORITHM}"')
    timestamp = given["X-Amz-Date"]
    return Authentication(
        credential=parse_credential(given["X-Amz-Credential"], timestamp, code),
        timestamp=timestamp,
        signed_headers=tuple(given["X-Amz-SignedHeaders"].lower().split(";")),
        signature=given["X-Amz-Signature"],
        token=request.parameter("X-Amz-Security-Token"),
        expires_in=_lifetime(given["X-Amz-Expires"], code),
    )


def _lifetime(text: str, code: str) -> int:
    if re.fullmatch("[0-9]{1,9}", text) is None:
        raise StoreError(400, code, "X-Amz-Expires should be a number")
    if int(text) > MAX_EXPIRES_IN:
        message = f"X-Amz-Expires must be less than a week (in seconds): {MAX_EXPIRES_IN}"
        raise StoreError(400, code, message)
    return int(text)


def _in_the_header(request: ReceivedRequest, header: str) -> Authentication:
    code = "AuthorizationHeaderMalformed"
    pairs = (each.strip().partition("=") for each in header[len(sigv4.ALGORITHM) :].split(","))
    fields = {name: value for name, _, value in pairs}
    missing = {"Credential", "SignedHeaders", "Signature"} - fields.keys()
    if missing:
        raise StoreError(
            400, code, f"The authorization header is malformed; {min(missing)} is missing."
        )
    timestamp = request.headers.get("x-amz-date", "")
    return Authentication(
        credential=parse_credential(fields["Credential"], timestamp, code),
        timestamp=timestamp,
        signed_headers=tuple(fields["SignedHeaders"].lower().split(";")),
        signature=fields["Signature"],
        token=request.headers.get("x-amz-security-token"),
    )
