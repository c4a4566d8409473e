"""The multipart use cases of one caller, with a store in memory, in virtual time."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from operator import methodcaller
from typing import Any, Final

import pytest

from service.access.callers import Rate
from service.errors import PresignError
from service.multipart.part_plan import PartPlan
from service.multipart.requests import Completion, NewUpload, PartChecksums, PartSelection, Upload
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.rate_limits import RateLimits
from service.presigning.results import CompletedUpload, CreatedUpload, PresignedParts
from service.presigning.snapshot import Snapshot
from service.s3.client import S3Client
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart
from service.telemetry.metrics import Metrics
from tests.multipart.fake_s3 import FakeS3
from tests.s3.fake_store import harness_decorator
from tests.support.audited import Audited
from tests.support.authorizer import make_authorizer
from tests.support.factories import REQUESTER, make_grant, make_snapshot
from tests.support.pool import FakeSource
from tests.support.virtual_time import FakeClock, loop_clock

MIN_PART: Final = 5 * 1024**2
LENGTH: Final = 2 * MIN_PART + 7
PLAN: Final = PartPlan(LENGTH, MIN_PART)
KEY: Final = "a/b"


@dataclass
class Harness(Audited):
    """The multipart use cases of one caller. Requests without arguments are valid."""

    clock: FakeClock
    authorizer: Authorizer
    multipart: MultipartUploads
    store: FakeS3
    sources: dict[str, FakeSource]
    metrics: Metrics
    events: list[str]  # audit lines and calls to the store

    @property
    def session_calls(self) -> int:
        return sum(len(source.fetched) for source in self.sources.values())

    def signed_urls(self) -> float:
        labels = {"operation": "multipart", "bucket": "reports"}
        return self.metrics.registry.get_sample_value("presign_signed_total", labels) or 0.0

    async def create(self, plan: PartPlan = PLAN, **changes: Any) -> CreatedUpload:
        request = NewUpload(
            bucket="reports",
            key=KEY,
            plan=plan,
            action=CreateMultipartUpload(content_type="text/plain"),
            checksums=PartChecksums(),
            lifetime=Lifetime(),
        )
        return await self.multipart.create(REQUESTER, replace(request, **changes))

    async def sign_parts(self, *numbers: int, **changes: Any) -> PresignedParts:
        request = PartSelection(
            upload=make_upload(),
            plan=PLAN,
            part_numbers=numbers or (1,),
            checksums=PartChecksums(),
            lifetime=Lifetime(),
        )
        return await self.multipart.sign_parts(REQUESTER, replace(request, **changes))

    async def list_parts(self, **changes: Any) -> list[UploadedPart]:
        return await self.multipart.parts(REQUESTER, make_upload(**changes))

    async def abort(self, **changes: Any) -> None:
        await self.multipart.abort(REQUESTER, make_upload(**changes))

    async def complete(self, *parts: UploadedPart, **changes: Any) -> CompletedUpload:
        parts = parts or (UploadedPart(part_number=1, etag='"e"'),)
        request = Completion(upload=make_upload(), content_length=LENGTH, parts=parts)
        return await self.multipart.complete(REQUESTER, replace(request, **changes))

    def put_parts(self, upload_id: str = "upload-1", checksum: str = "") -> list[UploadedPart]:
        """Send all parts of an upload to the store."""
        return [self.store.put(upload_id, n, PLAN.length(n), checksum) for n in (1, 2, 3)]

    async def create_and_put_parts(self, *, checksum: str = "") -> list[UploadedPart]:
        return self.put_parts((await self.create()).upload_id, checksum)


@asynccontextmanager
async def start_harness(
    snapshot: Snapshot | None = None, *, rate: Rate | None = None
) -> AsyncIterator[Harness]:
    """By default the caller has a grant for everything."""
    snapshot = snapshot or make_snapshot(make_grant(allow_overwrite=True))
    snapshot = replace(snapshot, callers=(replace(snapshot.callers[0], rate=rate),))
    clock, metrics, events, lines = loop_clock(), Metrics(), list[str](), list[bytes]()
    sources = {name: FakeSource(clock) for name in snapshot.buckets}

    def write(new: Iterable[bytes]) -> None:
        events.append("line")
        lines.extend(new)

    limits = RateLimits(None, clock=clock, on_failure=lambda: None)
    authorizer = make_authorizer(
        snapshot, sources, write_audit=write, metrics=metrics, limits=limits
    )
    store = FakeS3(events)
    client = S3Client(clock=clock, jitter=lambda: 0, observer=metrics, transport=store)
    try:
        multipart = MultipartUploads(authorizer, client)
        yield Harness(
            clock, authorizer, multipart, store, sources, metrics, events, audit_bytes=lines
        )
    finally:
        await client.close()


with_harness = harness_decorator(start_harness)
Call = Callable[[Harness], Awaitable[object]]
EVERY_CALL: Final = [
    pytest.param(methodcaller("create"), "CreateMultipartUpload", None, id="create"),
    pytest.param(methodcaller("sign_parts"), "UploadPart", "upload-1", id="sign"),
    pytest.param(methodcaller("list_parts"), "ListParts", "upload-1", id="list"),
    pytest.param(methodcaller("abort"), "AbortMultipartUpload", "upload-1", id="abort"),
    pytest.param(methodcaller("complete"), "CompleteMultipartUpload", "upload-1", id="complete"),
]


def make_upload(upload_id: str = "upload-1", **changes: Any) -> Upload:
    return Upload(**{"bucket": "reports", "key": KEY, "upload_id": upload_id, **changes})


async def error_of(call: Awaitable[object], kind: type[PresignError]) -> PresignError:
    with pytest.raises(PresignError) as raised:
        await call
    assert type(raised.value) is kind, repr(raised.value)
    return raised.value
