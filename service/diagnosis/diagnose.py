"""Why a signed request failed: what was sent and answered in, findings out, the likeliest first.

Two layers. What can be seen without any secret: the URL's own state, times, headers, the store's
words. And, where the session that signed is known, which request the signature is of (`signature_proof.py`).
docs/troubleshooting.md shows each finding with an example.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from service.diagnosis import (
    checks as seen,
)
from service.diagnosis import (
    store_errors as refusals,
)
from service.diagnosis import (
    time_checks as times,
)
from service.diagnosis import (
    url_repair as pasted,
)
from service.diagnosis.context import Context, DiagnosisInput
from service.diagnosis.examination import SignedRequestDiagnosis
from service.diagnosis.findings import AFTER_SIGNATURE, Code, Finding, certain, masked
from service.diagnosis.ordering import ordered
from service.diagnosis.request import ParsedRequest
from service.diagnosis.response import StoreResponse
from service.sessions.session import Session

MAX_FINDINGS: Final = 8


def diagnose(reading: DiagnosisInput, known: Context) -> list[Finding]:
    """Nothing of a request that worked, or in which nothing is found."""
    sent, reply = reading.sent, reading.reply
    if reply.worked:
        return []
    explain_error_code = refusals.explain_error_code(sent, reply)
    if (
        explain_error_code is not None
        and explain_error_code.proven
        and explain_error_code.code in AFTER_SIGNATURE
    ):
        return masked([explain_error_code], _secrets(sent, known.session))
    if sent.is_form:
        found = list(_of_form(reply))
    elif not sent.is_signed:
        found = [*reading.mended, *pasted.faults(sent)]
    else:
        found = list(SignedRequestDiagnosis(reading, known).findings())
    if explain_error_code is not None and (explain_error_code.proven or not found):
        found.append(explain_error_code)
    if not found and (unknown := refusals.unknown(reply)) is not None:
        found = [unknown]
    found += _elsewhere(sent, known, found)
    return masked(ordered(found, reply)[:MAX_FINDINGS], _secrets(sent, known.session))


def _of_form(reply: StoreResponse) -> Iterator[Finding]:
    yield from times.form_faults(reply)
    yield from refusals.form_faults(reply)
    yield from seen.redirect(reply)
    yield from seen.key_id(reply)
    if reply.code == "InvalidToken":
        yield seen.token_changed()


def _elsewhere(sent: ParsedRequest, known: Context, found: Sequence[Finding]) -> list[Finding]:
    signature_is_right = any(each.code in AFTER_SIGNATURE for each in found)
    if not known.has_sessions or known.session is not None or signature_is_right:
        return []
    if sent.is_form or not sent.access_key_id:
        return []
    summary = "No session of yours that this process remembers has the key id in the URL, so the signature cannot be checked."
    fix = "Ask again, since another replica may have signed it. If none has, it was signed before a restart, for somebody else, or not by this service."
    return [certain(Code.SIGNED_ELSEWHERE, summary, fix)]


def _secrets(sent: ParsedRequest, session: Session | None) -> Iterator[str]:
    given = [
        sent.parameter(name) for name in ("x-amz-signature", "x-amz-security-token", "signature")
    ]
    given += [(sent.headers or {}).get("authorization")]
    if session is not None:
        credentials = session.credentials
        given += [credentials.secret_access_key, credentials.session_token]
    for secret in given:
        if secret:
            yield from (secret, quote(secret, safe=""))
