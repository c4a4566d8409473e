"""The order in which findings are shown."""

from collections.abc import Sequence
from typing import Final

from service.diagnosis.checks import REDIRECTS
from service.diagnosis.findings import Code, Finding
from service.diagnosis.response import StoreResponse

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
_REDIRECTED: Final = frozenset({Code.REDIRECTED})
# Which findings explain a store's error code: they come before the others.
_EXPLAINED_BY: Final = {
    "ExpiredToken": _TIMES,
    "RequestTimeTooSkewed": _TIMES,
    "InvalidToken": _TOKENS,
    "InvalidAccessKeyId": _TOKENS,
    "SignatureDoesNotMatch": frozenset(Code) - _TIMES,
    "AuthorizationQueryParametersError": _CREDENTIAL_SCOPE,
    "AuthorizationHeaderMalformed": _CREDENTIAL_SCOPE,
    "PermanentRedirect": _REDIRECTED,
    "TemporaryRedirect": _REDIRECTED,
}


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
    if response.status in REDIRECTS:
        return _REDIRECTED
    return _EXPLAINED_BY.get(response.code or "")
