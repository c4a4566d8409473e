"""Which finding is told first: what the store's own word speaks of, what is certain, what is looked at first."""

from collections.abc import Sequence
from typing import Final

from service.diagnosis.checks import REDIRECTS
from service.diagnosis.findings import Code, Finding
from service.diagnosis.response import StoreResponse

# Of findings that are equally sure, the first of these comes first.
ORDER: Final = (
    Code.URL_TRUNCATED,
    Code.URL_ESCAPED,
    Code.URL_REENCODED,
    Code.URL_BROKEN,
    Code.SIGNATURE_MALFORMED,
    Code.SIGNATURE_V2,
    Code.QUERY_MALFORMED,
    Code.TWO_AUTHORIZATIONS,
    Code.TOKEN_LOST,
    Code.TOKEN_CHANGED,
    Code.EXPIRED,
    Code.SESSION_ENDED,
    Code.NOT_YET_VALID,
    Code.CLOCK_SKEW,
    Code.WRONG_REGION,
    Code.REDIRECTED,
    Code.DOT_SEGMENTS,
    Code.METHOD_CHANGED,
    Code.HOST_CHANGED,
    Code.KEY_REENCODED,
    Code.KEY_CHANGED,
    Code.QUERY_CHANGED,
    Code.CONTENT_TYPE_CHANGED,
    Code.CONTENT_LENGTH_CHANGED,
    Code.HEADER_MISSING,
    Code.HEADER_UNSIGNED,
    Code.HEADER_CHANGED,
    Code.PAYLOAD_HASHED,
    Code.CHANGED_UNDERWAY,
    Code.KEY_ID_UNKNOWN,
    Code.SIGNATURE_MISMATCH,
    Code.FORM_REFUSED,
    Code.FORM_MALFORMED,
    Code.METHOD_NOT_ALLOWED,
    Code.BUCKET_MISSING,
    Code.LENGTH_MISSING,
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
    Code.SIGNED_ELSEWHERE,
)
_RANK: Final = {code: number for number, code in enumerate(ORDER)}
# What is wrong with the URL itself makes a store refuse, whatever else it says.
_URL: Final = frozenset(
    {
        Code.URL_TRUNCATED,
        Code.URL_ESCAPED,
        Code.URL_REENCODED,
        Code.URL_BROKEN,
        Code.SIGNATURE_MALFORMED,
        Code.SIGNATURE_V2,
        Code.QUERY_MALFORMED,
    }
)
_TIMES: Final = frozenset({Code.EXPIRED, Code.SESSION_ENDED, Code.NOT_YET_VALID, Code.CLOCK_SKEW})
_TOKENS: Final = frozenset(
    {Code.TOKEN_LOST, Code.TOKEN_CHANGED, Code.KEY_ID_UNKNOWN, Code.SESSION_ENDED}
)
# What a store's code speaks of comes before what else may be amiss.
_SPOKEN_OF: Final = {
    "ExpiredToken": _TIMES,
    "RequestTimeTooSkewed": _TIMES,
    "InvalidToken": _TOKENS,
    "InvalidAccessKeyId": _TOKENS,
    "SignatureDoesNotMatch": frozenset(Code) - _TIMES,
    "AuthorizationQueryParametersError": frozenset({Code.QUERY_MALFORMED, Code.WRONG_REGION}),
    "AuthorizationHeaderMalformed": frozenset({Code.QUERY_MALFORMED, Code.WRONG_REGION}),
    "PermanentRedirect": frozenset({Code.REDIRECTED}),
    "TemporaryRedirect": frozenset({Code.REDIRECTED}),
}


def ordered(found: Sequence[Finding], reply: StoreResponse) -> list[Finding]:
    spoken_of = _spoken_of(reply)

    def rank(finding: Finding) -> tuple[int, bool, int]:
        first = finding.code in _URL and finding.proven
        tier = 0 if first else 1 if spoken_of is None or finding.code in spoken_of else 2
        return (
            tier + 3 * (finding.code is Code.SIGNED_ELSEWHERE),
            not finding.proven,
            _RANK[finding.code],
        )

    unique: dict[Code, Finding] = {}
    for finding in sorted(found, key=rank):
        unique.setdefault(finding.code, finding)
    return list(unique.values())


def _spoken_of(reply: StoreResponse) -> frozenset[Code] | None:
    if reply.code == "AccessDenied":
        if "expired" in reply.message or "not yet valid" in reply.message:
            return _TIMES
        return frozenset({Code.HEADER_UNSIGNED}) if "HeadersNotSigned" in reply.fields else None
    if reply.status in REDIRECTS:
        return frozenset({Code.REDIRECTED})
    return _SPOKEN_OF.get(reply.code or "")
