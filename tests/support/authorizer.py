"""The second layer: the authorizer and the presigner over a pool, in virtual time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import pytest

from service.access.grants import Caller
from service.concurrency.waiting import Waiting
from service.errors import PresignError
from service.presigning.audit import WriteLines
from service.presigning.audit_trail import AuditTrail
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.rate_limits import RateLimits
from service.presigning.requests import PostFormRequest, PresignBatch, PresignRequest, Requester
from service.presigning.results import PresignedForm, PresignedRequest, PresignedRequests
from service.presigning.snapshot import Snapshot
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.sessions.source import SessionSource
from service.telemetry.metrics import Metrics
from tests.support.audited import Audited
from tests.support.factories import CALLER, REQUESTER, make_batches, make_requester
from tests.support.observers import NullObserver
from tests.support.pool import LONGEST_LIFETIME, FakeSource
from tests.support.virtual_time import FakeClock, loop_clock


@dataclass
class Harness(Audited):
    """A presigner whose buckets each have a fake source."""

    clock: FakeClock
    authorizer: Authorizer
    sources: Mapping[str, FakeSource]

    def __post_init__(self) -> None:
        numbers = count(1)
        self.presigner = Presigner(self.authorizer, unique_id=lambda: f"id{next(numbers)}")

    @property
    def source(self) -> FakeSource:
        return self.sources["reports"]

    @property
    def fetches(self) -> int:
        """How many sessions were requested from STS."""
        return sum(len(source.fetched) for source in self.sources.values())

    @property
    def decisions(self) -> list[tuple[str, str | None, list[str]]]:
        """Decision, reason and keys of each audit line."""
        return [(line["decision"], line.get("reason"), line["keys"]) for line in self.audit_lines]

    def write_audit_to(self, write: WriteLines) -> None:
        self.authorizer.audit_trail = AuditTrail(write, clock=self.clock, observer=NullObserver())

    async def presign(
        self, request: PresignRequest, requester: Requester = REQUESTER
    ) -> PresignedRequest:
        return await self.presigner.presign(requester, request)

    async def presign_form(
        self, request: PostFormRequest, requester: Requester = REQUESTER
    ) -> PresignedForm:
        return await self.presigner.presign_form(requester, request)

    async def presign_batch(
        self,
        requests: Sequence[PresignRequest | PresignBatch | PresignError],
        requester: Requester = REQUESTER,
    ) -> list[PresignedRequests | PresignError]:
        return await self.presigner.presign_batch(requester, make_batches(requests))

    async def refusal(self, request: PresignRequest, caller: Caller = CALLER) -> PresignError:
        with pytest.raises(PresignError) as refused:
            await self.presign(request, make_requester(caller))
        return refused.value


def make_harness(
    snapshot: Snapshot,
    *,
    delay: float = 0.1,
    longest_lifetime: float = LONGEST_LIFETIME,
    session_seconds: float = 3600.0,
    waiting: Waiting | None = None,
) -> Harness:
    clock, audit_bytes = loop_clock(), list[bytes]()
    sources = {
        name: FakeSource(clock, length=session_seconds, delay=delay) for name in snapshot.buckets
    }
    authorizer = make_authorizer(
        snapshot,
        sources,
        write_audit=audit_bytes.extend,
        longest_lifetime=longest_lifetime,
        waiting=waiting,
    )
    return Harness(clock, authorizer, sources, audit_bytes=audit_bytes)


def make_authorizer(
    snapshot: Snapshot,
    sources: Mapping[str, SessionSource],
    *,
    write_audit: WriteLines | None = None,
    metrics: Metrics | None = None,
    limits: RateLimits | None = None,
    longest_lifetime: float = LONGEST_LIFETIME,
    jitter: Callable[[], float] = lambda: 0.0,
    waiting: Waiting | None = None,
) -> Authorizer:
    """Return an authorizer on the loop's clock, with a source for each bucket of `snapshot`."""
    clock = loop_clock()
    buckets = {
        name: BucketSessions(
            source=sources[name],
            address=bucket.address,
            longest_lifetime=longest_lifetime,
            probe_policy=bucket.probe_policy,
        )
        for name, bucket in snapshot.buckets.items()
    }
    pool = SessionPool(
        buckets, clock=clock, jitter=jitter, observer=NullObserver(), waiting=waiting
    )
    write = write_audit or list[bytes]().extend
    audit_trail = AuditTrail(write, clock=clock, observer=metrics or NullObserver())
    return Authorizer(snapshot, pool, clock=clock, audit_trail=audit_trail, limits=limits)


def urls_of(results: Sequence[PresignedRequests | PresignError]) -> list[str]:
    """Return the URLs of a batch, without the refusals."""
    return [url for each in results if isinstance(each, PresignedRequests) for url in each.urls]
