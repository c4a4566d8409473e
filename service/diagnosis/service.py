"""Diagnoses for callers: authorize, find the session that signed, diagnose, audit.

- A caller learns nothing about a bucket and key that it could not have had signed, nor about
  another caller's session. All such refusals are the same.
- Neither the response nor the audit trail repeats what was pasted.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from service.access.conditions import words
from service.access.grants import AccessRequest, Grant, Operation, foremost
from service.clock import Clock
from service.diagnosis.bucket_lookup import BucketLocation, locate, locate_behind_proxy
from service.diagnosis.canonical_request import CANONICAL_REQUEST, parse_canonical_request
from service.diagnosis.diagnose import Context, DiagnosisInput, diagnose, parse_report
from service.diagnosis.findings import Finding
from service.diagnosis.request import ParsedRequest, ReportedRequest
from service.errors import Forbidden
from service.presigning.answers import Unsigned
from service.presigning.authorizer import Authorizer
from service.presigning.caller_access import CallerAccess
from service.presigning.requests import Requester, StoreRequest
from service.presigning.snapshot import Snapshot
from service.sessions.history import History
from service.sessions.session import Session

_BY_METHOD: Final = {
    "GET": Operation.DOWNLOAD,
    "PUT": Operation.UPLOAD,
    "HEAD": Operation.HEAD,
    "DELETE": Operation.DELETE,
}
# SigV4 however often encoded, SigV2, and signed URLs of CloudFront, Google and Azure
_SIGNATURE_PARAMETER = re.compile(
    "(?i)x(?:-|%(?:25)*2d)(?:amz|goog)(?:-|%(?:25)*2d)|awsaccesskeyid"
    "|(?:[?&;]|%(?:25)*(?:3f|26|3b))(?:amp;)?(?:sig|signature|policy|key-pair-id)(?:=|%(?:25)*3d)"
)


class _Candidate(NamedTuple):
    """A request that a URL may have been signed for."""

    access_request: AccessRequest
    location: BucketLocation


@dataclass(frozen=True, slots=True)
class _Diagnosis(Unsigned):
    findings: Sequence[Finding]


class Diagnoses:
    def __init__(
        self,
        authorizer: Authorizer,
        history: History,
        *,
        clock: Clock,
        count: Callable[[str | None], None],
    ) -> None:
        """`count` gets the code of the first finding of each diagnosis, or None."""
        self._authorizer = authorizer
        self._history = history
        self._clock = clock
        self._count = count

    async def diagnose(self, requester: Requester, reported: ReportedRequest) -> Sequence[Finding]:
        """The findings, the likeliest first. Counts as one URL against the caller's rate limit.

        Raises Forbidden unless a grant covers the bucket and key, and what `Authorizer` raises.
        """
        report = parse_report(reported)
        access = self._authorizer.access(requester)
        candidates = list(self._candidates(access, report.request))
        covered = next(
            (candidate for candidate in candidates if _covering(access, candidate)), None
        )
        candidate = covered or (candidates[0] if candidates else None)
        request = _store_request(_NOTHING if candidate is None else candidate.access_request)

        async def diagnosis() -> _Diagnosis:
            if covered is None:
                raise Forbidden
            allowed = self._without_foreign_response(access, report)
            findings = await self._findings(access, allowed, covered)
            return _Diagnosis(findings)

        found = await self._authorizer.audited(requester, request, request.key, diagnosis)
        self._count(found.findings[0].code if found.findings else None)
        return found.findings

    def _without_foreign_response(
        self, access: CallerAccess, report: DiagnosisInput
    ) -> DiagnosisInput:
        """Removes the store's canonical request if the caller may not sign for that key."""
        canonical = parse_canonical_request(report.response, report.request)
        if canonical is None or any(
            _covering(access, candidate)
            for candidate in self._candidates(access, canonical.request)
        ):
            return report
        fields = {**report.response.fields, CANONICAL_REQUEST: ""}
        return replace(report, response=replace(report.response, fields=fields))

    async def _findings(
        self, access: CallerAccess, report: DiagnosisInput, candidate: _Candidate
    ) -> Sequence[Finding]:
        location = candidate.location
        session = self._session(access, report.request, location.bucket)
        now = self._clock.wall() if session is None else session.now(self._clock)
        [first, *_] = foremost(_covering(access, candidate))
        context = Context(
            now=now,
            location=location,
            session=session,
            has_sessions=True,
            conditions=[*words(first.conditions)],
        )
        # In a thread: some 200 hashes take milliseconds, and the loop has other requests to serve.
        return await asyncio.to_thread(diagnose, report, context)

    def _candidates(self, access: CallerAccess, request: ParsedRequest) -> Iterator[_Candidate]:
        """Several if a bucket has two names, or the URL may be for several operations."""
        locations = _locations(self._authorizer.snapshot)
        found = locate(request, locations) or [
            # The host is not ours, but the caller's own session signed the URL.
            locate_behind_proxy(request, location)
            for location in locations
            if self._session(access, request, location.bucket) is not None
        ]
        for location, key in found:
            for operation in _operations(request, key):
                is_list = operation is Operation.LIST
                access_request = AccessRequest(
                    operation=operation,
                    bucket=location.bucket,
                    key=request.parameter("prefix") or "" if is_list else key,
                    is_prefix=is_list,
                )
                yield _Candidate(access_request, location)

    def _session(self, access: CallerAccess, request: ParsedRequest, bucket: str) -> Session | None:
        key = access.owned.get(bucket)
        if key is None:
            return None
        found = self._history.find(request.access_key_id or "", bucket, key.owner)
        return found and found.that_signed(request.parameter("x-amz-security-token"))


def _locations(snapshot: Snapshot) -> list[BucketLocation]:
    return [
        BucketLocation(
            bucket=name,
            s3_bucket=bucket.s3_bucket,
            address=bucket.address,
            encryption=bucket.encryption,
        )
        for name, bucket in snapshot.buckets.items()
    ]


def _operations(request: ParsedRequest, key: str) -> Sequence[Operation]:
    """What the URL may have been signed for: whatever method was sent."""
    if request.is_form:
        return (Operation.FORM,)
    if request.parameter("uploadid") is not None or request.parameter("uploads") is not None:
        return (Operation.MULTIPART,)
    if not key or request.parameter("list-type") is not None:
        return (Operation.LIST,)
    operations = list(_BY_METHOD.values())
    likeliest = _BY_METHOD.get(request.likely_method)
    return sorted(operations, key=lambda each: each is not likeliest)


def _covering(access: CallerAccess, candidate: _Candidate) -> Sequence[Grant]:
    """Return the grants that cover it, whatever their limits are."""
    request = candidate.access_request
    if request.operation is Operation.FORM:  # its key is a form field, which is not reported
        return [
            grant
            for grant in access.grants
            if grant.bucket == request.bucket and Operation.FORM in grant.allow
        ]
    return access.grants.covering(request)


def _store_request(access_request: AccessRequest) -> StoreRequest:
    """For the audit trail: cuts the key where a mangled URL has a part of its signature."""
    key = _SIGNATURE_PARAMETER.split(access_request.key)[0]
    return StoreRequest(action="DiagnoseRequest", access_request=replace(access_request, key=key))


_NOTHING: Final = AccessRequest(operation=Operation.DOWNLOAD, bucket="", key="")
