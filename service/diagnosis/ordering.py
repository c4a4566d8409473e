"""Which finding is told first: what the store's own word speaks of, what is certain, what is looked at first."""

from collections.abc import Sequence
from typing import Final

from service.diagnosis.findings import Code, Finding
from service.diagnosis.reply import Reply
from service.diagnosis.seen import REDIRECTS

_URL: Final = frozenset(list(Code)[: list(Code).index(Code.TWO_AUTHORIZATIONS)])
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


def ordered(found: Sequence[Finding], reply: Reply) -> list[Finding]:
    order = {code: number for number, code in enumerate(Code)}
    spoken_of = _spoken_of(reply)

    def rank(finding: Finding) -> tuple[int, bool, int]:
        first = finding.code in _URL and finding.proven
        tier = 0 if first else 1 if spoken_of is None or finding.code in spoken_of else 2
        return (
            tier + 3 * (finding.code is Code.SIGNED_ELSEWHERE),
            not finding.proven,
            order[finding.code],
        )

    unique: dict[Code, Finding] = {}
    for finding in sorted(found, key=rank):
        unique.setdefault(finding.code, finding)
    return list(unique.values())


def _spoken_of(reply: Reply) -> frozenset[Code] | None:
    if reply.code == "AccessDenied":
        if "expired" in reply.message or "not yet valid" in reply.message:
            return _TIMES
        return frozenset({Code.HEADER_UNSIGNED}) if "HeadersNotSigned" in reply.fields else None
    if reply.status in REDIRECTS:
        return frozenset({Code.REDIRECTED})
    return _SPOKEN_OF.get(reply.code or "")
