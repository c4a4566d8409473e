"""Why a signed request failed: the report of a request and its response in, findings out.

There are two layers. The first needs no secret: it looks at the URL, times, headers and the store's
error. The second needs the session that signed: it proves which request the signature was made for
(`signature_proof.py`). docs/troubleshooting.md shows each finding with an example.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from service.diagnosis import checks, differences, store_errors, time_checks, url_repair
from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.canonical_request import parse_canonical_request
from service.diagnosis.findings import (
    AFTER_SIGNATURE,
    Code,
    Finding,
    certain,
    mask_secrets,
    name_who_can_prove,
    rank_findings,
)
from service.diagnosis.request import (
    MAX_URL_LENGTH,
    ParsedRequest,
    ReportedRequest,
    parse_request,
)
from service.diagnosis.response import StoreResponse, parse_response
from service.diagnosis.signature_proof import Proof, Verdict, prove
from service.sessions.session import Session
from service.signing.validation import has_dot_segment

MAX_FINDINGS: Final = 8
_FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The store's time in epoch seconds, the bucket, and the session that signed.

    If `has_sessions`, a missing `session` means that the caller has none with the URL's key id.
    `conditions` are those of the caller's grant, in words.
    """

    now: float
    location: BucketLocation | None = None
    session: Session | None = None
    has_sessions: bool = False
    conditions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DiagnosisInput:
    """The request with its URL repaired, the response, and a finding for each repair."""

    request: ParsedRequest
    response: StoreResponse
    repairs: tuple[Finding, ...] = ()


def parse_report(report: ReportedRequest) -> DiagnosisInput:
    url, repairs = url_repair.repair(report.url[:MAX_URL_LENGTH])
    request = parse_request(report.method, url, report.headers)
    return DiagnosisInput(request, parse_response(report.status, report.body), repairs)


def diagnose(report: DiagnosisInput, context: Context) -> list[Finding]:
    """The findings, the likeliest first. Empty if the request succeeded or nothing was found."""
    if report.response.is_success:
        return []
    findings = rank_findings(_find(report, context), report.response)[:MAX_FINDINGS]
    if not context.has_sessions:
        findings = name_who_can_prove(findings)
    return mask_secrets(findings, _secrets(report.request, context.session))


def _find(report: DiagnosisInput, context: Context) -> list[Finding]:
    request, response = report.request, report.response
    explanation = store_errors.explain_error_code(request, response)
    if explanation and explanation.proven and explanation.code in AFTER_SIGNATURE:
        return [explanation]
    if request.is_form:
        found = list(_check_form(response))
    elif not request.is_signed:
        found = [*report.repairs, *url_repair.check_signature_parameters(request)]
    else:
        found = _SignedRequestDiagnosis(report, context).findings()
    if explanation and (explanation.proven or not found):
        found.append(explanation)
    if not found and (unknown := store_errors.unknown_error(response)):
        found.append(unknown)
    if _is_signed_elsewhere(request, context, found):
        summary = (
            "No session of yours here has the URL's key id, so the signature cannot be checked."
        )
        fix = (
            "Ask again: another replica may have signed it. Or it was signed before a restart, for "
            "another caller, or not by this service."
        )
        found.append(certain(Code.SIGNED_ELSEWHERE, summary, fix))
    return found


def _check_form(response: StoreResponse) -> Iterator[Finding]:
    yield from time_checks.check_form_times(response)
    yield from store_errors.explain_form_error(response)
    yield from checks.redirected(response)
    yield from checks.key_id_unknown(response)
    if response.code == "InvalidToken":
        yield checks.token_changed()


def _is_signed_elsewhere(
    request: ParsedRequest, context: Context, found: Sequence[Finding]
) -> bool:
    return (
        context.has_sessions
        and context.session is None
        and not request.is_form
        and bool(request.access_key_id)
        and not any(finding.code in AFTER_SIGNATURE for finding in found)
    )


def _secrets(request: ParsedRequest, session: Session | None) -> Iterator[str]:
    names = ("x-amz-signature", "x-amz-security-token", "signature")
    secrets = [request.parameter(name) for name in names]
    secrets.append((request.headers or {}).get("authorization"))
    if session is not None:
        secrets += [session.credentials.secret_access_key, session.credentials.session_token]
    for secret in secrets:
        if secret:
            yield from (secret, quote(secret, safe=""))


class _SignedRequestDiagnosis:
    """One signed request: as reported, and as the store received it if S3 returned that."""

    def __init__(self, report: DiagnosisInput, context: Context) -> None:
        self._reported, self._response = report.request, report.response
        self._repairs = report.repairs
        self._location, self._now = context.location, context.now
        self._session, self._conditions = context.session, context.conditions
        self._token = None if self._session is None else self._session.credentials.session_token
        self._canonical = parse_canonical_request(self._response, self._reported)
        self._received = self._reported if self._canonical is None else self._canonical.request
        # The reported request, with received headers where the report has none
        headers = {} if self._canonical is None else self._received.headers or {}
        self._merged = replace(
            self._reported,
            method=self._reported.method or self._received.method,
            headers={**headers, **(self._reported.headers or {})},
        )
        self._is_mismatch = self._response.code == "SignatureDoesNotMatch"

    def findings(self) -> list[Finding]:
        about_url = [*self._repairs, *url_repair.check_signature_parameters(self._reported)]
        found = [*about_url, *self._check_credentials()]
        verdict = Verdict.UNKNOWN
        if self._response.is_authenticated:
            proof = self._prove()
            verdict = proof.verdict
            found += self._check_denied(proof)
        elif any(finding.code is Code.URL_TRUNCATED for finding in found):
            found += self._check_headers_and_path(Verdict.UNKNOWN)
            found += checks.other_host(self._reported, self._location)
        else:
            proof = self._prove()
            verdict = proof.verdict
            found += self._check_signature(proof, is_url_intact=not about_url)
        if not any(finding.proven for finding in found):
            found += self._check_policies(verdict, found)
        return found

    def _check_denied(self, proof: Proof) -> Iterator[Finding]:
        """AWS looks at the signature before the policies, MiniStack 1.5.33 after them."""
        yield from checks.unsigned_headers(self._reported, self._response, proven=False)
        signed, method = proof.signed, self._received.method
        if signed is not None and method not in {None, signed.method}:
            yield from self._changes(proof)
            yield store_errors.access_denied(self._response, proven=False)
        elif proof.verdict is Verdict.UNKNOWN:
            yield from checks.method_of_upload(self._reported)

    def _check_credentials(self) -> Iterator[Finding]:
        """Check what a store checks before the signature."""
        request, response, session = self._reported, self._response, self._session
        tokens = checks.session_token(request, response, self._token, known=session is not None)
        yield from list(tokens) or checks.key_id_unknown(response)
        yield from checks.sigv2_refused(response)
        ends = None if session is None else session.expires_at
        times = time_checks.times_of(request, response, now=self._now, session_ends=ends)
        yield from time_checks.check_times(request, response, times)
        yield from checks.redirected(response)
        yield from checks.region(request, response, self._location)
        yield from checks.two_authorizations(request, response)

    def _prove(self) -> Proof:
        return prove(
            self._with_right_token(self._received),
            [] if self._canonical is None else [self._with_right_token(self._merged)],
            credentials=None if self._session is None else self._session.credentials,
            location=self._location,
        )

    def _with_right_token(self, request: ParsedRequest) -> ParsedRequest:
        """A wrong token is a finding of its own, and must not hide other differences."""
        if self._session is None:
            return request
        return request.with_parameter("x-amz-security-token", self._token)

    def _check_signature(self, proof: Proof, *, is_url_intact: bool) -> Iterator[Finding]:
        changed = list(self._changes(proof))
        others = list(self._check_headers_and_path(proof.verdict))
        yield from (*changed, *others)
        if proof.verdict in {Verdict.UNKNOWN, Verdict.NONE}:
            yield from checks.other_host(self._reported, self._location)
            if not changed:
                yield from self._guesses()
        elif proof.verdict is Verdict.RIGHT and self._is_mismatch and is_url_intact and not others:
            if self._received.path == self._reported.path:
                yield differences.changed_underway(proof.signed or self._reported, self._reported)
            else:
                yield differences.response_to_another_url()

    def _changes(self, proof: Proof) -> Iterator[Finding]:
        """Return what was changed since signing or, if that is not known, since the report."""
        if proof.verdict is Verdict.OTHER and proof.signed is not None:
            received = self._with_right_token(self._received)
            yield from differences.changes_to_signed(proof.signed, received, self._canonical)
        elif self._canonical is not None and proof.verdict is not Verdict.RIGHT:
            yield from differences.changes_to_reported(self._merged, self._canonical)

    def _check_headers_and_path(self, verdict: Verdict) -> Iterator[Finding]:
        proven = verdict is Verdict.RIGHT and self._is_mismatch
        yield from checks.unsigned_headers(self._reported, self._response, proven=proven)
        if has_dot_segment(self._reported.path):
            yield differences.dot_segments(proven=proven)

    def _guesses(self) -> Iterator[Finding]:
        """For a signature of which the request is not known."""
        request = self._received
        missing = list(checks.missing_headers(request))
        yield from missing
        if self._is_mismatch:
            yield from checks.unknown_parameters(request)
        if self._session is not None and not request.unreported_headers:
            yield differences.unexplained(request)
            return
        if self._is_mismatch or missing:
            yield from checks.added_type(request)
        if self._is_mismatch:
            yield from checks.method_of_download(request)
            if not request.missing_headers:
                yield differences.unverifiable(request)

    def _check_policies(self, verdict: Verdict, found: Sequence[Finding]) -> Iterator[Finding]:
        response = self._response
        if response.is_authenticated:
            is_signed = verdict not in {Verdict.OTHER, Verdict.NONE}  # as it is reported
            yield from self._denied(proven=not found and is_signed)
        elif response.code is None and response.status == _FORBIDDEN and not found:
            if verdict is Verdict.RIGHT:
                yield from self._denied(proven=False)
            else:
                yield store_errors.no_error_body()

    def _denied(self, *, proven: bool) -> Iterator[Finding]:
        is_list = self._reported.parameter("list-type") is not None
        return store_errors.denied(self._response, self._conditions, is_list=is_list, proven=proven)
