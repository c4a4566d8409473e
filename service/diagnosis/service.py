"""The fourth use case: why a request that was signed here has failed. Nothing is fetched for it.

Rules of this file:
- Nothing is said of a bucket and key that the caller could not have had signed, nor of a session that
  was not its own; of all these the words are the same.
- What is looked at was pasted by somebody: neither the answer nor the trail repeats it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from service.access.grants import AccessRequest, Grant, Operation, covers
from service.clock import Clock
from service.concurrency.event_loop import run_in_thread_if
from service.diagnosis.bucket_lookup import (
    BucketLocation,
    Located,
    behind,
    located,
)
from service.diagnosis.canonical_request import CANONICAL, read_received
from service.diagnosis.context import Context, DiagnosisInput, parse_report
from service.diagnosis.diagnose import diagnose
from service.diagnosis.findings import Finding
from service.diagnosis.request import ParsedRequest, ReportedRequest
from service.errors import Forbidden, PresignError
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.requests import StoreRequest
from service.presigning.results import Diagnosed
from service.presigning.snapshot import CallerAccess, Snapshot
from service.sessions.history import History
from service.sessions.session import Session

_BY_METHOD: Final = {
    "GET": Operation.DOWNLOAD,
    "PUT": Operation.UPLOAD,
    "HEAD": Operation.HEAD,
    "DELETE": Operation.DELETE,
}


# Of SigV4, however often it is encoded, of SigV2, and of the signed URLs of CloudFront, Google and Azure
_SIGNING = re.compile(
    "(?i)x(?:-|%(?:25)*2d)(?:amz|goog)(?:-|%(?:25)*2d)|awsaccesskeyid"
    "|(?:[?&;]|%(?:25)*(?:3f|26|3b))(?:amp;)?(?:sig|signature|policy|key-pair-id)(?:=|%(?:25)*3d)"
)


class _Candidate(NamedTuple):
    """What a request is about, by the bucket's own name; `place` is None if it is none of ours."""

    access_request: AccessRequest
    place: BucketLocation | None


class Diagnoses:
    def __init__(self, authorizer: Authorizer, history: History, *, clock: Clock) -> None:
        self._authorizer = authorizer
        self._history = history
        self._clock = clock

    async def diagnose(self, requester: Requester, asked: ReportedRequest) -> Sequence[Finding]:
        """The findings, the likeliest first. Counts against the caller's rate as a URL does."""
        reading = parse_report(asked)
        access = self._authorizer.access(requester)
        matters = list(self._matters(access, reading.sent))
        matter = next((each for each in matters if _is_covered(access.grants, each)), None)
        request = _ask(matter or (matters[0] if matters else _NOTHING))
        try:
            await self._authorizer.count(requester, 1)
            if matter is None or matter.place is None:
                raise Forbidden
        except PresignError as refusal:
            await self._authorizer.record(requester, [(request, request.key, refusal)])
            raise
        findings = await self._findings(access, self._kept(access, reading), matter.place)
        first = findings[0].code if findings else None
        await self._authorizer.record(requester, [(request, request.key, Diagnosed(first))])
        return findings

    def _kept(self, access: CallerAccess, reading: DiagnosisInput) -> DiagnosisInput:
        """Without the store's canonical request, if that is of what the caller could not have signed."""
        received = read_received(reading.reply, reading.sent)
        if received is None or any(
            _is_covered(access.grants, each) for each in self._matters(access, received.sent)
        ):
            return reading
        fields = {name: text for name, text in reading.reply.fields.items() if name != CANONICAL}
        return replace(reading, reply=replace(reading.reply, fields=fields))

    async def _findings(
        self, access: CallerAccess, reading: DiagnosisInput, place: BucketLocation
    ) -> Sequence[Finding]:
        session = self._session(access, reading.sent, place.bucket)
        now = self._clock.wall() if session is None else session.now(self._clock)
        known = Context(now=now, place=place, session=session, has_sessions=True)
        # Some 200 hashes: milliseconds, in which the loop has others to serve.
        return await run_in_thread_if(True, diagnose, reading, known)  # noqa: FBT003 - reads as an answer

    def _matters(self, access: CallerAccess, sent: ParsedRequest) -> Iterator[_Candidate]:
        """All that the request may be about: a bucket may have two names, and a URL two readings."""
        places = places_of(self._authorizer.snapshot)
        found = located(sent, places) or list(self._by_session(access, sent, places))
        for each in found:
            for operation in _operations(sent, each.key):
                yield _Candidate(_demand(operation, each, sent), each.place)

    def _by_session(
        self, access: CallerAccess, sent: ParsedRequest, places: Iterable[BucketLocation]
    ) -> Iterator[Located]:
        """Where its host is none of ours, but the caller's own session signed it."""
        for place in places:
            if self._session(access, sent, place.bucket) is not None:
                yield behind(sent, place)

    def _session(self, access: CallerAccess, sent: ParsedRequest, bucket: str) -> Session | None:
        key = access.session_keys.get(bucket)
        if key is None or not sent.access_key_id:
            return None
        return self._history.find(sent.access_key_id, bucket, key.owner)


def places_of(snapshot: Snapshot) -> list[BucketLocation]:
    return [
        BucketLocation(
            bucket=name,
            s3_bucket=bucket.s3_bucket,
            address=bucket.address,
            encryption=bucket.encryption,
        )
        for name, bucket in snapshot.buckets.items()
    ]


def _operations(sent: ParsedRequest, key: str) -> Sequence[Operation]:
    """What the URL may have been signed for. That it was sent by another method may be the fault."""
    if sent.is_form:
        return (Operation.FORM,)
    if sent.parameter("uploadid") is not None or sent.parameter("uploads") is not None:
        return (Operation.MULTIPART,)
    if not key or sent.parameter("list-type") is not None:
        return (Operation.LIST,)
    sent_as = _BY_METHOD.get(sent.method)
    others = [each for each in _BY_METHOD.values() if each is not sent_as]
    return others if sent_as is None else [sent_as, *others]


def _demand(operation: Operation, place: Located, sent: ParsedRequest) -> AccessRequest:
    is_list = operation is Operation.LIST
    key = sent.parameter("prefix") or "" if is_list else place.key
    return AccessRequest(operation=operation, bucket=place.place.bucket, key=key, subtree=is_list)


def _is_covered(grants: Iterable[Grant], matter: _Candidate) -> bool:
    """Whatever the limits are: within them, the caller may have it signed."""
    access_request = matter.access_request
    if (
        access_request.operation is Operation.FORM
    ):  # its key is among its fields, which are not told
        return any(
            grant.bucket == access_request.bucket and Operation.FORM in grant.allow
            for grant in grants
        )
    return any(covers(grant, access_request) for grant in grants)


def _ask(matter: _Candidate) -> StoreRequest:
    """As the trail notes it. Of a mangled URL a part of its signature may be in what should be the key."""
    access_request = matter.access_request
    noted = replace(access_request, key=_SIGNING.split(access_request.key)[0])
    return StoreRequest(action="DiagnoseRequest", access_request=noted)


_NOTHING: Final = _Candidate(AccessRequest(operation=Operation.DOWNLOAD, bucket="", key=""), None)
