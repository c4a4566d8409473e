"""A PutObject with the headers that the client has chosen, as object URLs need it.

The client sends its request to presign, and again, with the same headers, to the store that presign
redirects it to. So every header that the store acts on is signed as it came, or refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, cast

from service.errors import InvalidRequest
from service.signing.actions import CHECKSUM_BYTES, ChecksumAlgorithm, S3Action, check_digest
from service.signing.metadata import Pairs, check_metadata
from service.signing.validation import check_header_value, check_media_type

# Metadata and encryption come in addition. Every other `x-amz-` header is refused: an ACL, a copy
# source.
SENT_HEADERS: Final = frozenset(
    {
        *("cache-control", "content-disposition", "content-encoding", "content-md5"),
        *("content-type", "if-match", "if-none-match"),
        *("x-amz-sdk-checksum-algorithm", "x-amz-tagging"),
        *(f"x-amz-checksum-{name.lower()}" for name in CHECKSUM_BYTES),
    }
)
_META: Final = "x-amz-meta-"
_ENCRYPTION: Final = "x-amz-server-side-encryption"
_MD5: Final = re.compile("[A-Za-z0-9+/]{22}==")
_SENT_ETAG: Final = re.compile('"[!#-~]{1,255}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectedPut(S3Action):
    """An upload that the client sends to presign first, and then, redirected, to the store.

    So its headers are signed as the client sent them: `sent` has their names in lower case. A
    `new_key` is one that no object can have yet. `content_length` is None if the client asks for
    the address before it tells the length: then any length may be sent.
    """

    METHOD: ClassVar = "PUT"

    content_length: int | None
    sent: Pairs = ()
    new_key: bool = False

    def __post_init__(self) -> None:
        for name, value in self.sent:
            _check_sent(name, value)
        names = [name for name, _ in self.sent]
        if len({*names}) < len(names):
            raise InvalidRequest("A signed header is repeated.")
        if {"if-match", "if-none-match"} <= {*names}:
            raise InvalidRequest("Send If-Match or If-None-Match, not both.")
        check_metadata(
            tuple((name[len(_META) :], v) for name, v in self.sent if name.startswith(_META))
        )

    @property
    def content_type(self) -> str | None:
        return dict(self.sent).get("content-type")

    @property
    def if_match(self) -> str | None:
        return dict(self.sent).get("if-match")

    @property
    def overwrite(self) -> bool:
        """Whether it replaces whatever object there is."""
        conditions = {"if-match", "if-none-match"}
        return not self.new_key and conditions.isdisjoint(dict(self.sent))

    @property
    def encryption(self) -> dict[str, str]:
        return {name: value for name, value in self.sent if name.startswith(_ENCRYPTION)}

    def headers(self) -> dict[str, str]:
        if self.content_length is None:
            return dict(self.sent)
        return {"content-length": str(self.content_length), **dict(self.sent)}


def sent_headers(headers: Iterable[tuple[str, str]]) -> Pairs:
    """Return those of a client's headers that the store acts on; names are in lower case.

    Raises InvalidRequest for one that may not be signed.
    """
    sent = []
    for name, value in headers:
        if name in SENT_HEADERS or name.startswith((_META, _ENCRYPTION)):
            # The parser keeps spaces at the end. They are no part of the value: RFC 9110, 5.5.
            sent.append((name, value.rstrip(" \t")))
        elif name.startswith("x-amz-"):
            raise InvalidRequest("One of the headers that start with x-amz- is not allowed here.")
    return tuple(sent)


def _check_sent(name: str, value: str) -> None:
    pointer = f"#/headers/{name}" if name in SENT_HEADERS else "#/headers"
    check_header_value(value, pointer=pointer)
    match name:
        case "content-type":
            check_media_type(value, pointer=pointer)
        case "if-none-match" if value != "*":
            raise InvalidRequest("An upload can have `If-None-Match: *` only.", pointer=pointer)
        case "if-match" if _SENT_ETAG.fullmatch(value) is None:
            raise InvalidRequest("If-Match must be one quoted ETag.", pointer=pointer)
        case "content-md5" if _MD5.fullmatch(value) is None:
            raise InvalidRequest("Content-MD5 is 16 bytes in base64.", pointer=pointer)
        case str() if name.startswith("x-amz-checksum-"):
            algorithm = name.removeprefix("x-amz-checksum-").upper()
            check_digest(cast("ChecksumAlgorithm", algorithm), value, pointer=pointer)
