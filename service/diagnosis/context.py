"""What is to be diagnosed, read; and what we know beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.findings import Finding
from service.diagnosis.request import (
    MAX_URL_LENGTH,
    ParsedRequest,
    ReportedRequest,
    read,
)
from service.diagnosis.response import StoreResponse, read_reply
from service.diagnosis.url_repair import repair
from service.sessions.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What we know beside: the store's time, the bucket, and the session that signed.

    `has_sessions`: whether sessions are known at all; then one that is not is somebody else's.
    """

    now: float
    place: BucketLocation | None = None
    session: Session | None = None
    has_sessions: bool = False


@dataclass(frozen=True, slots=True)
class DiagnosisInput:
    """A request that is told of, its URL as it was meant, and what was mended for that."""

    sent: ParsedRequest
    reply: StoreResponse
    mended: Sequence[Finding] = field(default=())


def parse_report(asked: ReportedRequest) -> DiagnosisInput:
    url = repair(asked.url[:MAX_URL_LENGTH])
    sent = read(asked.method, url.url, asked.headers)
    return DiagnosisInput(sent, read_reply(asked.status, asked.body), url.findings)
