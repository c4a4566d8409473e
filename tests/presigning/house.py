"""In virtual time: see `tests/support/fakes.py`. Signatures are `tests/signing`'s affair."""

import calendar
import json
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from service.access.callers import Identity
from service.access.grants import Caller, Operation
from service.errors import PresignError
from service.presigning.audit import Requester
from service.presigning.audit_trail import AuditTrail
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.requests import PostFormRequest, PresignBatch, PresignRequest
from service.presigning.results import PresignedForm, PresignedRequests
from service.presigning.snapshot import Snapshot
from service.sessions.lifetime import Lifetime
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.signing.actions import (
    Action,
    Encryption,
    GetObject,
    PutObject,
)
from service.signing.post_policy import PostObject
from tests.support.fakes import (
    ADDRESS,
    CALLER,
    REQUESTER,
    FakeClock,
    FakeSource,
    loop_clock,
    make_bucket,
    make_grant,
)

UPLOAD = PutObject(content_length=5, content_type="text/plain")
ENCRYPTION = Encryption(algorithm="aws:kms", kms_key_id="key-1")
NARROW = make_grant(
    prefix="a/",
    allow=frozenset({Operation.DOWNLOAD, Operation.UPLOAD, Operation.LIST}),
    max_content_length=100,
    content_types=("text/plain",),
)
BOTH = {"reports": make_bucket(), "photos": make_bucket(s3_bucket="acme-photos")}


@dataclass
class Harness:
    """A presigner whose buckets each have a fake source."""

    clock: FakeClock
    authorizer: Authorizer
    presigner: Presigner
    sources: Mapping[str, FakeSource]
    audit_trail: list[bytes]

    @property
    def source(self) -> FakeSource:
        return self.sources["reports"]

    @property
    def fetches(self) -> int:
        return sum(len(source.asked) for source in self.sources.values())

    async def sign_batch(
        self,
        requests: Sequence[PresignRequest | PresignBatch | PresignError],
        requester: Requester = REQUESTER,
    ) -> list[PresignedRequests | PresignError]:
        return await self.presigner.presign_batch(requester, batches(requests))


def make_harness(
    snapshot: Snapshot,
    *,
    delay: float = 0.1,
    longest_lifetime: float = 900,
    session_seconds: float = 3600.0,
) -> Harness:
    clock = loop_clock()
    sources = {
        name: FakeSource(clock, length=session_seconds, delay=delay) for name in snapshot.buckets
    }
    pooled = {
        name: BucketSessions(
            source=source,
            address=ADDRESS,
            longest_lifetime=longest_lifetime,
            probe_policy=snapshot.buckets[name].probe_policy,
        )
        for name, source in sources.items()
    }
    pool = SessionPool(pooled, clock=clock, chance=lambda: 0)
    numbers = count(1)
    audit_trail: list[bytes] = []
    authorizer = Authorizer(
        snapshot, pool, clock=clock, audit_trail=AuditTrail(audit_trail.extend, clock=clock)
    )
    presigner = Presigner(authorizer, unique_id=lambda: f"id{next(numbers)}")
    return Harness(clock, authorizer, presigner, sources, audit_trail)


def batches(
    requests: Sequence[PresignRequest | PresignBatch | PresignError],
) -> list[PresignBatch | PresignError]:
    """Each request alone, as if no two were alike."""
    return [
        PresignBatch(each, [each.key]) if isinstance(each, PresignRequest) else each
        for each in requests
    ]


def urls_of(answers: Sequence[PresignedRequests | PresignError]) -> list[str]:
    return [url for each in answers if isinstance(each, PresignedRequests) for url in each.urls]


def make_request(
    action: Action | None = None, *, bucket: str = "reports", key: str = "a/b", **lifetime: int
) -> PresignRequest:
    return PresignRequest(
        bucket=bucket, key=key, action=action or GetObject(), lifetime=Lifetime(**lifetime)
    )


def make_form_request(*, form: PostObject | None = None, **more: Any) -> PostFormRequest:
    form = form or PostObject(key="", max_content_length=5)
    return replace(PostFormRequest(bucket="reports", form=form, lifetime=Lifetime()), **more)


def times(url: str) -> tuple[int, int]:
    """When a URL begins, in epoch seconds, and how long it holds."""
    query = parse_qs(urlsplit(url).query)
    return epoch(query["X-Amz-Date"][0]), int(query["X-Amz-Expires"][0])


def epoch(amz_date: str) -> int:
    return calendar.timegm(time.strptime(amz_date, "%Y%m%dT%H%M%SZ"))


def policy(form: PresignedForm) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(b64decode(form.fields["policy"])))


def signer_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].partition("/")[0]


def requester(caller: Caller) -> Requester:
    return replace(REQUESTER, identity=Identity(caller))


async def refusal(
    harness: Harness, request: PresignRequest, caller: Caller = CALLER
) -> PresignError:
    with pytest.raises(PresignError) as refused:
        await harness.presigner.presign(requester(caller), request)
    return refused.value
