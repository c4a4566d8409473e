"""What a diagnosis can find, in which order, and which pasted text a finding may repeat.

Rules of this room: it is pure and fetches nothing. A finding repeats only text that is known to be
harmless (`is_safe_to_echo`), and never a signature, a token or a policy.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Final

from service.diagnosis.response import StoreResponse


class Code(StrEnum):
    """The code of a finding. Of two that are equally certain, the first one here is shown first."""

    URL_TRUNCATED = "url_truncated"
    URL_ESCAPED = "url_escaped"
    URL_REENCODED = "url_reencoded"
    URL_BROKEN = "url_broken"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_V2 = "signature_v2"
    QUERY_MALFORMED = "query_malformed"
    TWO_AUTHORIZATIONS = "two_authorizations"
    TOKEN_LOST = "token_lost"  # noqa: S105 - a code, not a token
    TOKEN_CHANGED = "token_changed"  # noqa: S105 - a code, not a token
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
    GRANT_CONDITION = "grant_condition"
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
    """One reason why a request failed, and how to fix it.

    It is `proven` by the signature, by the store's own answer or by arithmetic; otherwise it is
    likely. `fix` contains `<url>` in place of a signed URL.
    """

    code: Code
    proven: bool
    summary: str
    fix: str


def certain(code: Code, summary: str, fix: str) -> Finding:
    return Finding(code, proven=True, summary=summary, fix=fix)


def likely(code: Code, summary: str, fix: str) -> Finding:
    return Finding(code, proven=False, summary=summary, fix=fix)


# With these errors the signature cannot be wrong: S3 checks it first, or not at all.
AFTER_SIGNATURE: Final = frozenset({
    Code.GRANT_CONDITION, Code.ACCESS_DENIED,
    Code.OBJECT_MISSING, Code.VERSION_MISSING, Code.UPLOAD_MISSING,
    Code.OBJECT_EXISTS, Code.CONDITION_FAILED, Code.WRITE_CONFLICT, Code.RANGE_INVALID,
    Code.TOO_LARGE, Code.TOO_SMALL, Code.CHECKSUM_MISMATCH, Code.BODY_INCOMPLETE,
    Code.OBJECT_ARCHIVED, Code.KEY_TOO_LONG, Code.STORE_BUSY, Code.STORE_REFUSED,
})  # fmt: skip

_RANK: Final = {code: number for number, code in enumerate(Code)}
# A broken URL makes every store refuse, whatever error it reports.
_BROKEN_URL: Final = frozenset({
    Code.URL_TRUNCATED, Code.URL_ESCAPED, Code.URL_REENCODED, Code.URL_BROKEN,
    Code.SIGNATURE_MALFORMED, Code.SIGNATURE_V2, Code.QUERY_MALFORMED,
})  # fmt: skip
_TIMES: Final = frozenset({Code.EXPIRED, Code.SESSION_ENDED, Code.NOT_YET_VALID, Code.CLOCK_SKEW})
_TOKENS: Final = frozenset(
    {Code.TOKEN_LOST, Code.TOKEN_CHANGED, Code.KEY_ID_UNKNOWN, Code.SESSION_ENDED}
)
_CREDENTIAL_SCOPE: Final = frozenset({Code.QUERY_MALFORMED, Code.WRONG_REGION})
# Which findings explain a store's error code: they come before the others.
_EXPLAINED_BY: Final = {
    "ExpiredToken": _TIMES,
    "RequestTimeTooSkewed": _TIMES,
    "InvalidToken": _TOKENS,
    "InvalidAccessKeyId": _TOKENS,
    "SignatureDoesNotMatch": frozenset(Code) - _TIMES,
    "AuthorizationQueryParametersError": _CREDENTIAL_SCOPE,
    "AuthorizationHeaderMalformed": _CREDENTIAL_SCOPE,
}

# The secret of the session that signed can prove these.
_PROVEN_BY_SESSION: Final = frozenset({
    Code.URL_REENCODED, Code.TOKEN_LOST, Code.DOT_SEGMENTS, Code.METHOD_CHANGED, Code.HOST_CHANGED,
    Code.KEY_REENCODED, Code.KEY_CHANGED, Code.QUERY_CHANGED, Code.CONTENT_TYPE_CHANGED,
    Code.CONTENT_LENGTH_CHANGED, Code.HEADER_MISSING, Code.HEADER_UNSIGNED, Code.HEADER_CHANGED,
    Code.SIGNATURE_MISMATCH,
})  # fmt: skip

_MIN_SECRET_LENGTH: Final = 8  # masking anything shorter would mask ordinary words
_MAX_ECHO_LENGTH: Final = 100
# As in UTF. Of 1.5 million random tokens that pass the other two checks, none has fewer than 4.
_MAX_INNER_CAPITALS: Final = 2
_PLAIN = re.compile(r"[!#-&(-;=?-\[\]-_a-~]+(?: [!#-&(-;=?-\[\]-_a-~]+)*")  # no quotes, <, >, \, `
_WORD = re.compile("[0-9]{0,5}[A-Za-z]{0,20}[0-9]{0,5}|[a-z0-9]{1,12}")  # or a short bucket name


def is_safe_to_echo(text: str) -> bool:
    """Whether `text` is short, plain and made of words, unlike any key, token or signature."""
    return (
        len(text) <= _MAX_ECHO_LENGTH
        and _PLAIN.fullmatch(text) is not None
        and all(map(_WORD.fullmatch, re.split("[^A-Za-z0-9]+", text)))
        and len(re.findall("(?<=[A-Za-z0-9])[A-Z]", text)) <= _MAX_INNER_CAPITALS
    )


def quote_if_safe(text: str, otherwise: str) -> str:
    return f"`{text}`" if is_safe_to_echo(text) else otherwise


def quote_names(names: Iterable[str], otherwise: str, limit: int = 5) -> str:
    """The first names as a comma-separated list, without repetitions."""
    shown = [quote_if_safe(name, otherwise) for name in islice(names, limit)]
    return ", ".join(dict.fromkeys(shown))


def name_who_can_prove(findings: Iterable[Finding]) -> list[Finding]:
    """Says once, for the first of the likely findings that the signing service can prove."""
    named = list(findings)
    for number, finding in enumerate(named):
        if not finding.proven and finding.code in _PROVEN_BY_SESSION:
            summary = f"{finding.summary} Only the service that signed the URL can prove it: "
            named[number] = replace(finding, summary=f"{summary}ask it with `--service`.")
            break
    return named


def mask_secrets(findings: Iterable[Finding], secrets: Iterable[str]) -> list[Finding]:
    """The last line of defence: replaces each secret, wherever a finding's text came from."""
    known = [secret for secret in secrets if len(secret) >= _MIN_SECRET_LENGTH]
    return [
        replace(finding, summary=_mask(finding.summary, known), fix=_mask(finding.fix, known))
        for finding in findings
    ]


def _mask(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "[masked]")
    return text


def rank_findings(findings: Sequence[Finding], response: StoreResponse) -> list[Finding]:
    """The likeliest first, and of each code only the best one."""
    explaining = _explaining(response)

    def rank(finding: Finding) -> tuple[bool, bool, bool, bool, int]:
        is_broken_url = finding.code in _BROKEN_URL and finding.proven
        return (
            finding.code is Code.SIGNED_ELSEWHERE,
            not is_broken_url,
            not is_broken_url and explaining is not None and finding.code not in explaining,
            not finding.proven,
            _RANK[finding.code],
        )

    best: dict[Code, Finding] = {}
    for finding in sorted(findings, key=rank):
        best.setdefault(finding.code, finding)
    return list(best.values())


def _explaining(response: StoreResponse) -> frozenset[Code] | None:
    """The findings that explain the store's error, or None if any might."""
    if response.code == "AccessDenied":
        if "expired" in response.message or "not yet valid" in response.message:
            return _TIMES
        return frozenset({Code.HEADER_UNSIGNED}) if "HeadersNotSigned" in response.fields else None
    if response.is_redirect:
        return frozenset({Code.REDIRECTED})
    return _EXPLAINED_BY.get(response.code or "")
