"""What was sent, read as a store reads it. Whatever is pasted, this raises nothing.

A store decodes the path and each parameter, `+` in a query as a space, and encodes them anew for the
canonical request; so they are kept decoded here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final
from urllib.parse import unquote, unquote_plus, urlsplit

from service.signing.signer import encode_key

Pairs = tuple[tuple[str, str], ...]

MAX_URL_LENGTH: Final = (
    16_384  # a key and a token, both encoded twice; S3 takes some 8 KB of a head
)
MAX_BODY_LENGTH: Final = 32_768
MAX_HEADERS: Final = 64
MAX_HEADERS_LENGTH: Final = (
    8192  # …/AmazonS3/latest/userguide/UsingMetadata.html: S3 takes 8 KB of a head
)
_MAX_PARAMETERS: Final = 64

METHODS: Final = ("GET", "PUT", "HEAD", "DELETE", "POST")
# docs.aws.amazon.com/AmazonS3/latest/API: of objects, uploads in parts and ListObjectsV2; `x-` is free to use
_S3S_OWN = re.compile(
    "(?i)x-.*|response-.*|versionid|partnumber|uploadid|uploads|list-type|prefix|delimiter|max-keys"
    "|continuation-token|start-after|encoding-type|fetch-owner|max-parts|part-number-marker|tagging|acl"
)
_DEFAULT_PORT = re.compile(r"(?<=.):(?:80|443)$")
_OF_V4: Final = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-signature"})
_SET_BY_LIBRARIES: Final = frozenset({"host", "content-length"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRequest:
    """A request as its sender tells of it. `headers` is None where nothing is told of them."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    status: int | None = None
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """`path` and `parameters` are decoded. Names of `headers` are in lower case."""

    method: str
    host: str
    path: str = field(repr=False)
    parameters: Pairs = field(repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {name.lower(): value for name, value in reversed(self.parameters)}

    def parameter(self, name: str) -> str | None:
        """S3's own, by a name in lower case."""
        return self._by_name.get(name)

    @property
    def signature(self) -> str | None:
        return self.parameter("x-amz-signature")

    @property
    def is_v2(self) -> bool:
        """Whether it is signed with SigV2. With a session's credentials that has `x-amz-security-token` too."""
        return "awsaccesskeyid" in self._by_name and _OF_V4.isdisjoint(self._by_name)

    @property
    def is_signed(self) -> bool:
        """Whether the query has anything of a SigV4 signature."""
        return not self.is_v2 and any(name.startswith("x-amz-") for name in self._by_name)

    @property
    def is_form(self) -> bool:
        """A form's signature is among its fields."""
        return self.method == "POST" and not self.is_signed and "signature" not in self._by_name

    @cached_property
    def signed_headers(self) -> tuple[str, ...]:
        names = (self.parameter("x-amz-signedheaders") or "").lower().split(";")
        return tuple(sorted({name for name in names if name}))[:MAX_HEADERS]

    @cached_property
    def scope(self) -> tuple[str, str, str, str] | None:
        """Access key id, date, region and service; the id may hold slashes in some stores."""
        parts = (self.parameter("x-amz-credential") or "").rsplit("/", 4)
        if len(parts) != 5 or parts[4] != "aws4_request":
            return None
        return parts[0], parts[1], parts[2], parts[3]

    @property
    def access_key_id(self) -> str | None:
        return None if self.scope is None else self.scope[0]

    @property
    def canonical_path(self) -> str:
        return encode_key(self.path)

    @property
    def signed_parameters(self) -> Pairs:
        return tuple(pair for pair in self.parameters if pair[0].lower() != "x-amz-signature")

    @property
    def strange_parameters(self) -> Pairs:
        """What no request to an object or a list has."""
        return tuple(pair for pair in self.parameters if _S3S_OWN.fullmatch(pair[0]) is None)

    def header(self, name: str) -> str | None:
        """As it was sent, so far as it is known."""
        if name == "host":
            return self.host
        return None if self.headers is None else self.headers.get(name)

    @property
    def untold_headers(self) -> tuple[str, ...]:
        """What is signed, and not known to have been sent."""
        return tuple(name for name in self.signed_headers if self.header(name) is None)

    @property
    def missing_headers(self) -> tuple[str, ...]:
        """As above, but for what each HTTP library sets itself."""
        return tuple(name for name in self.untold_headers if name not in _SET_BY_LIBRARIES)

    def with_parameter(self, name: str, value: str | None) -> "ParsedRequest":
        """`name` in lower case, replaced where it stands, or added; None takes it out."""
        found = self.parameter(name) is not None
        pairs = [
            (each, old if each.lower() != name else value or "")
            for each, old in self.parameters
            if each.lower() != name or value is not None
        ]
        if not found and value is not None:
            pairs.append((_SPELT.get(name, name), value))
        return replace(self, parameters=tuple(pairs))


_SPELT: Final = {
    "x-amz-algorithm": "X-Amz-Algorithm",
    "x-amz-credential": "X-Amz-Credential",
    "x-amz-date": "X-Amz-Date",
    "x-amz-expires": "X-Amz-Expires",
    "x-amz-security-token": "X-Amz-Security-Token",
    "x-amz-signedheaders": "X-Amz-SignedHeaders",
}


def read(method: str, url: str, headers: Mapping[str, str] | None) -> ParsedRequest:
    told, url = _told(headers), _encodable(url)
    try:
        parts = urlsplit(url)
        host, path, query = parts.netloc, parts.path, parts.query
    except ValueError:  # an address in brackets that is none
        rest, _, query = url.partition("?")
        host, _, path = rest.partition("//")[2].partition("/")
        path = f"/{path}"
    host = host.rpartition("@")[2].lower()
    if told is not None and told.get("host"):
        host = told["host"].lower()
    return ParsedRequest(
        method=_encodable(method).strip().upper(),
        host=_DEFAULT_PORT.sub("", host),
        path=unquote(path) or "/",
        parameters=pairs_of(query),
        headers=told,
    )


def pairs_of(query: str) -> Pairs:
    """Decoded as stores do."""
    pieces = [piece for piece in query.split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS] if piece]
    split = [piece.partition("=") for piece in pieces]
    return tuple((unquote_plus(name), unquote_plus(value)) for name, _, value in split)


def _told(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    if headers is None:
        return None
    return {
        _encodable(name).strip().lower(): _encodable(value).strip()
        for name, value in list(headers.items())[:MAX_HEADERS]
    }


def _encodable(text: str) -> str:
    """A lone surrogate has no UTF-8 form."""
    return text.encode("utf-8", "replace").decode()
