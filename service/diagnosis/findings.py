"""What can be found, from the first to be looked at to the last, and how one finding is said.

Rules of this room: pure; nothing is fetched; and of what callers paste, only what is known to be no
secret is said again (`is_safe_to_echo`). A signature, a token or a policy is no part of any finding.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    URL_TRUNCATED = "url_truncated"
    URL_ESCAPED = "url_escaped"
    URL_REENCODED = "url_reencoded"
    URL_BROKEN = "url_broken"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_V2 = "signature_v2"
    QUERY_MALFORMED = "query_malformed"
    TWO_AUTHORIZATIONS = "two_authorizations"
    TOKEN_LOST = "token_lost"  # noqa: S105 - a word for it, no token
    TOKEN_CHANGED = "token_changed"  # noqa: S105 - a word for it, no token
    EXPIRED = "expired"
    SESSION_ENDED = "session_ended"
    NOT_YET_VALID = "not_yet_valid"
    CLOCK_SKEW = "clock_skew"
    WRONG_REGION = "wrong_region"
    REDIRECTED = "redirected"
    DOT_SEGMENTS = "dot_segments"
    METHOD_CHANGED = "method_changed"
    HOST_CHANGED = "host_changed"
    KEY_REENCODED = "key_reencoded"
    KEY_CHANGED = "key_changed"
    QUERY_CHANGED = "query_changed"
    CONTENT_TYPE_CHANGED = "content_type_changed"
    CONTENT_LENGTH_CHANGED = "content_length_changed"
    HEADER_MISSING = "header_missing"
    HEADER_UNSIGNED = "header_unsigned"
    HEADER_CHANGED = "header_changed"
    PAYLOAD_HASHED = "payload_hashed"
    CHANGED_UNDERWAY = "changed_underway"
    KEY_ID_UNKNOWN = "key_id_unknown"
    SIGNATURE_MISMATCH = "signature_mismatch"
    FORM_REFUSED = "form_refused"
    FORM_MALFORMED = "form_malformed"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BUCKET_MISSING = "bucket_missing"
    LENGTH_MISSING = "length_missing"
    ACCESS_DENIED = "access_denied"
    OBJECT_MISSING = "object_missing"
    VERSION_MISSING = "version_missing"
    UPLOAD_MISSING = "upload_missing"
    OBJECT_EXISTS = "object_exists"
    CONDITION_FAILED = "condition_failed"
    WRITE_CONFLICT = "write_conflict"
    RANGE_INVALID = "range_invalid"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    BODY_INCOMPLETE = "body_incomplete"
    OBJECT_ARCHIVED = "object_archived"
    KEY_TOO_LONG = "key_too_long"
    STORE_BUSY = "store_busy"
    STORE_REFUSED = "store_refused"
    SIGNED_ELSEWHERE = "signed_elsewhere"


@dataclass(frozen=True, slots=True)
class Finding:
    """`proven`: it follows from the signature, from the store's own words or by counting.

    Else it is the likely reason. `fix` has `<url>` where a signed URL belongs.
    """

    code: Code
    proven: bool
    summary: str
    fix: str


def certain(code: Code, summary: str, fix: str) -> Finding:
    return Finding(code, True, summary, fix)  # noqa: FBT003 - its name says it


def likely(code: Code, summary: str, fix: str) -> Finding:
    return Finding(code, False, summary, fix)  # noqa: FBT003 - its name says it


# In none of these can the signature be at fault: S3 looks at it before, or not at all.
AFTER_SIGNATURE: Final = frozenset(
    {
        Code.ACCESS_DENIED,
        Code.OBJECT_MISSING,
        Code.VERSION_MISSING,
        Code.UPLOAD_MISSING,
        Code.OBJECT_EXISTS,
        Code.CONDITION_FAILED,
        Code.WRITE_CONFLICT,
        Code.RANGE_INVALID,
        Code.TOO_LARGE,
        Code.TOO_SMALL,
        Code.CHECKSUM_MISMATCH,
        Code.BODY_INCOMPLETE,
        Code.OBJECT_ARCHIVED,
        Code.KEY_TOO_LONG,
        Code.STORE_BUSY,
        Code.STORE_REFUSED,
    }
)

_MASK: Final = "[masked]"
_LEAST_SECRET: Final = 8  # characters; what is shorter would mask plain words
_PLAIN = re.compile(
    r"[!#-&(-;=?-\[\]-_a-~]+(?: [!#-&(-;=?-\[\]-_a-~]+)*"
)  # no quotes, <, >, \ or `
_PIECES = re.compile("[^A-Za-z0-9]+")
# A word, or a short name such as buckets have
_WORD = re.compile("[0-9]{0,5}[A-Za-z]{0,20}[0-9]{0,5}|[a-z0-9]{1,12}")
_CAPITAL = re.compile("[A-Z]")
_MOST_CAPITALS: Final = 3  # UTF
_LONGEST_SAID: Final = 100


def is_safe_to_echo(text: str) -> bool:
    """Whether it may be said again: short, plain, and made of words, as no key, token or signature is."""
    return (
        len(text) <= _LONGEST_SAID
        and _PLAIN.fullmatch(text) is not None
        and all(_is_word(piece) for piece in _PIECES.split(text))
    )


def _is_word(piece: str) -> bool:
    return _WORD.fullmatch(piece) is not None and len(_CAPITAL.findall(piece)) <= _MOST_CAPITALS


def said(text: str, otherwise: str) -> str:
    return f"`{text}`" if is_safe_to_echo(text) else otherwise


def masked(findings: Iterable[Finding], secrets: Iterable[str]) -> list[Finding]:
    """The last line of defence, whatever a finding's words were made of."""
    known = [secret for secret in secrets if len(secret) >= _LEAST_SECRET]
    return [
        replace(each, summary=_without(each.summary, known), fix=_without(each.fix, known))
        for each in findings
    ]


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return text
