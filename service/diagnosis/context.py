"""What is to be diagnosed, read; and what we know beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.diagnosis.bucket_lookup import Place
from service.diagnosis.findings import Finding
from service.diagnosis.request import (
    MAX_URL_LENGTH,
    Asked,
    Sent,
    read,
)
from service.diagnosis.response import Reply, read_reply
from service.diagnosis.url_repair import mend
from service.sessions.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What we know beside: the store's time, the bucket, and the session that signed.

    `has_sessions`: whether sessions are known at all; then one that is not is somebody else's.
    """

    now: float
    place: Place | None = None
    session: Session | None = None
    has_sessions: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A request that is told of, its URL as it was meant, and what was mended for that."""

    sent: Sent
    reply: Reply
    mended: Sequence[Finding] = field(default=())


def read_asked(asked: Asked) -> Reading:
    url = mend(asked.url[:MAX_URL_LENGTH])
    sent = read(asked.method, url.url, asked.headers)
    return Reading(sent, read_reply(asked.status, asked.body), url.findings)
