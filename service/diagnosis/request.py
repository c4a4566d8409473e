"""A request as a store reads it. Parsing raises nothing, whatever was pasted.

A store decodes the path and the parameters, `+` in a query as a space, and encodes them again for
the canonical request. So both are kept decoded here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final
from urllib.parse import unquote, unquote_plus, urlsplit

from service.signing.signer import encode_key

Pairs = tuple[tuple[str, str], ...]

MAX_URL_LENGTH: Final = 16_384  # room for a key and a token that are encoded twice
MAX_BODY_LENGTH: Final = 32_768
MAX_HEADERS: Final = 64
MAX_HEADERS_LENGTH: Final = 8192  # S3's own limit: …/AmazonS3/latest/userguide/UsingMetadata.html
_MAX_PARAMETERS: Final = 64

METHODS: Final = ("GET", "PUT", "HEAD", "DELETE", "POST")
# docs.aws.amazon.com/AmazonS3/latest/API: objects, multipart uploads, lists; `x-` is free
_S3_PARAMETER = re.compile(
    "(?i)x-.*|response-.*|versionid|partnumber|uploadid|uploads|list-type|prefix|delimiter|max-keys"
    "|continuation-token|start-after|encoding-type|fetch-owner|max-parts|part-number-marker|tagging"
    "|acl|versions|key-marker|version-id-marker"
)
_DEFAULT_PORT = re.compile(r"(?<=.):(?:80|443)$")
_SIGV4_ONLY: Final = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-signature"})
# Every HTTP library sets these itself.
AUTOMATIC_HEADERS: Final = frozenset({"host", "content-length"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRequest:
    """A request and its response as the sender reports them; None where nothing is known."""

    url: str = field(repr=False)
    method: str | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    status: int | None = None
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """`path` and `parameters` are decoded. Names of `headers` are in lower case.

    `method` and `headers` are None if they are not known.
    """

    method: str | None
    host: str
    path: str = field(repr=False)
    parameters: Pairs = field(repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {name.lower(): value for name, value in reversed(self.parameters)}

    def parameter(self, name: str) -> str | None:
        """The first one with this name, which is in lower case."""
        return self._by_name.get(name)

    @property
    def is_sigv2(self) -> bool:
        """SigV2 URLs may have `x-amz-security-token` too."""
        return "awsaccesskeyid" in self._by_name and _SIGV4_ONLY.isdisjoint(self._by_name)

    @property
    def is_signed(self) -> bool:
        """Whether the query has at least a part of a SigV4 signature."""
        return not self.is_sigv2 and any(name.startswith("x-amz-") for name in self._by_name)

    @property
    def is_form(self) -> bool:
        """A form carries its signature in its fields, not in the query."""
        return self.method == "POST" and not self.is_signed and "signature" not in self._by_name

    @property
    def likely_method(self) -> str:
        """The method, or if it is not known, the one that the signed headers belong to."""
        return self.method or ("PUT" if "content-length" in self.signed_headers else "GET")

    @cached_property
    def signed_headers(self) -> tuple[str, ...]:
        names = (self.parameter("x-amz-signedheaders") or "").lower().split(";")
        return tuple(sorted({name for name in names if name}))[:MAX_HEADERS]

    @cached_property
    def scope(self) -> tuple[str, str, str, str] | None:
        """Access key id, date, region and service. In some stores the id contains slashes."""
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
    def unknown_parameters(self) -> Pairs:
        """Parameters that S3 does not have for objects and lists."""
        return tuple(pair for pair in self.parameters if _S3_PARAMETER.fullmatch(pair[0]) is None)

    def header(self, name: str) -> str | None:
        """The value that was sent, or None if that is not known."""
        if name == "host":
            return self.host
        return None if self.headers is None else self.headers.get(name)

    @property
    def unreported_headers(self) -> tuple[str, ...]:
        """Signed headers that are not known to have been sent."""
        return tuple(name for name in self.signed_headers if self.header(name) is None)

    @property
    def missing_headers(self) -> tuple[str, ...]:
        """The unreported headers that no HTTP library sets itself."""
        return tuple(name for name in self.unreported_headers if name not in AUTOMATIC_HEADERS)

    def with_header(self, name: str, value: str) -> "ParsedRequest":
        return replace(self, headers={**(self.headers or {}), name: value})

    def with_parameter(self, name: str, value: str | None) -> "ParsedRequest":
        """Sets the parameter, whose `name` is in lower case. None removes it."""
        pairs = [
            (each, old if each.lower() != name else value or "")
            for each, old in self.parameters
            if each.lower() != name or value is not None
        ]
        if value is not None and self.parameter(name) is None:
            pairs.append((name.title(), value))
        return replace(self, parameters=tuple(pairs))


def parse_request(method: str | None, url: str, headers: Mapping[str, str] | None) -> ParsedRequest:
    reported, url = _parse_headers(headers), _encodable(url)
    try:
        parts = urlsplit(url)
        host, path, query = parts.netloc, parts.path, parts.query
    except ValueError:  # brackets around something that is not an IPv6 address
        rest, _, query = url.partition("?")
        host, _, path = rest.partition("//")[2].partition("/")
        path = f"/{path}"
    host = host.rpartition("@")[2]
    if reported is not None:
        host = reported.get("host") or host
    return ParsedRequest(
        method=_encodable(method or "").strip().upper() or None,
        host=_DEFAULT_PORT.sub("", host.lower()),
        path=unquote(path) or "/",
        parameters=parse_query(query),
        headers=reported,
    )


def parse_query(query: str) -> Pairs:
    """The parameters, decoded as stores decode them."""
    pieces = [piece for piece in query.split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS] if piece]
    split = [piece.partition("=") for piece in pieces]
    return tuple((unquote_plus(name), unquote_plus(value)) for name, _, value in split)


def _parse_headers(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    if headers is None:
        return None
    return {
        _encodable(name).strip().lower(): _encodable(value).strip()
        for name, value in list(headers.items())[:MAX_HEADERS]
    }


def _encodable(text: str) -> str:
    """Replaces lone surrogates, which have no UTF-8 form."""
    return text.encode("utf-8", "replace").decode()
