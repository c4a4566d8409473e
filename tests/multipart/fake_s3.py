"""Uploads in parts over a store that keeps them in memory, in virtual time: see `tests/support/fakes.py`."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest

from service.access.callers import Rate
from service.errors import PresignError
from service.multipart.part_plan import PartPlan
from service.multipart.requests import (
    Completion,
    NewUpload,
    PartChecksums,
    PartWindow,
    Upload,
)
from service.multipart.uploads import MultipartUploads
from service.presigning.audit_trail import AuditTrail
from service.presigning.authorizer import Authorizer
from service.presigning.rate_limits import RateLimits
from service.presigning.snapshot import Snapshot
from service.s3.client import S3Client
from service.sessions.lifetime import Lifetime
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart
from service.telemetry.metrics import Metrics
from tests.s3.fake_store import Body, query_of
from tests.support.fakes import (
    REQUESTER,
    FakeClock,
    FakeSource,
    a_grant,
    a_snapshot,
    loop_clock,
)

LEAST: Final = 5 * 1024**2
LENGTH: Final = 2 * LEAST + 7
PLAN: Final = PartPlan(LENGTH, LEAST)
KEY: Final = "a/b"
Do = Callable[[], httpx.Response]
Fault = Callable[[Do], httpx.Response]


def xml(body: str = "", status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, stream=Body(body), headers=named)


def refuses(status: int, code: str) -> Fault:
    """In place of what was asked for."""
    return lambda _: xml(f"<Error><Code>{code}</Code></Error>", status)


def loses_answer(do: Do) -> httpx.Response:
    """What was asked for is done, and nobody hears of it."""
    do()
    raise httpx.ReadError("lost")


def loses_request(do: Do) -> httpx.Response:
    raise httpx.ConnectError("lost")


@dataclass
class Kept:
    """An upload. A part's checksum is an element of XML."""

    key: str
    headers: httpx.Headers
    parts: dict[int, tuple[str, int, str]] = field(default_factory=dict)


class FakeS3(httpx.AsyncBaseTransport):
    """As S3 does it. `faults` come before what it would do, one an attempt; `order` tells of each."""

    def __init__(self, order: list[str]) -> None:
        self.uploads: dict[str, Kept] = {}
        self.objects: dict[str, tuple[str, int]] = {}
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.delays: defaultdict[str, float] = defaultdict(float)
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self.page = 1000
        self.created = 0
        self._order = order

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body, query = await request.aread(), query_of(request)
        self.requests.append(request)
        self.bodies.append(body)
        name, do = self._action(request, query, body)
        self._order.append(name)
        await asyncio.sleep(self.delays[name])
        if faults := self.faults[name]:
            return faults.pop(0)(do)
        return do()

    def _action(self, request: httpx.Request, query: dict[str, str], body: bytes) -> tuple[str, Do]:
        key = unquote(request.url.raw_path.decode().partition("?")[0])[1:]
        upload_id = query.get("uploadId", "")
        match request.method, bool(upload_id):
            case "POST", False:
                return "create", lambda: self._create(key, request.headers)
            case "POST", True:
                return "complete", lambda: self._complete(key, upload_id, request.headers, body)
            case "DELETE", True:
                return "abort", lambda: self._abort(key, upload_id)
            case "GET", True:
                after = int(query["part-number-marker"])
                return "parts", lambda: self._parts(key, upload_id, after)
            case _:
                return "objects", lambda: self._objects(query["prefix"], int(query["max-keys"]))

    def put(self, upload_id: str, number: int, size: int, checksum: str = "") -> UploadedPart:
        """What a caller sends to a part's URL."""
        etag = f'"{hashlib.md5(f"{number} {size}".encode()).hexdigest()}"'
        self.uploads[upload_id].parts[number] = (etag, size, checksum)
        return UploadedPart(part_number=number, etag=etag, content_length=size)

    def _create(self, key: str, headers: httpx.Headers) -> httpx.Response:
        self.created += 1
        upload_id = f"upload-{self.created}"
        self.uploads[upload_id] = Kept(key, headers)
        name = "InitiateMultipartUploadResult"
        return xml(f"<{name}><UploadId>{upload_id}</UploadId></{name}>")

    def _known(self, key: str, upload_id: str) -> Kept | None:
        kept = self.uploads.get(upload_id)
        return kept if kept is not None and kept.key == key else None

    def _parts(self, key: str, upload_id: str, after: int) -> httpx.Response:
        if (kept := self._known(key, upload_id)) is None:
            return _no_such_upload()
        rest = [number for number in sorted(kept.parts) if number > after]
        page = "".join(_part(number, *kept.parts[number]) for number in rest[: self.page])
        cut = str(len(rest) > self.page).lower()
        return xml(f"<ListPartsResult><IsTruncated>{cut}</IsTruncated>{page}</ListPartsResult>")

    def _abort(self, key: str, upload_id: str) -> httpx.Response:
        if self._known(key, upload_id) is None:
            return _no_such_upload()
        del self.uploads[upload_id]
        return xml(status=204)

    def _complete(
        self, key: str, upload_id: str, headers: httpx.Headers, body: bytes
    ) -> httpx.Response:
        if (kept := self._known(key, upload_id)) is None:
            return _no_such_upload()
        if headers.get("if-none-match") == "*" and key in self.objects:
            return xml("<Error><Code>PreconditionFailed</Code></Error>", 412)
        etags = _named(fromstring(body))
        if any(kept.parts.get(number, ("",))[0] != etag for number, etag in etags.items()):
            return xml("<Error><Code>InvalidPart</Code></Error>", 400)
        whole = hashlib.md5(bytes.fromhex("".join(etag.strip('"') for etag in etags.values())))
        etag = f'"{whole.hexdigest()}-{len(etags)}"'
        self.objects[key] = (etag, sum(kept.parts[number][1] for number in etags))
        del self.uploads[upload_id]
        name = "CompleteMultipartUploadResult"
        return xml(f"<{name}><ETag>{etag}</ETag></{name}>", x_amz_version_id="v1")

    def _objects(self, prefix: str, most: int) -> httpx.Response:
        keys = [key for key in sorted(self.objects) if key.startswith(prefix)][:most]
        found = "".join(
            f"<Contents><Key>{key}</Key><ETag>{self.objects[key][0]}</ETag>"
            f"<Size>{self.objects[key][1]}</Size></Contents>"
            for key in keys
        )
        return xml(f"<ListBucketResult>{found}</ListBucketResult>")


def _no_such_upload() -> httpx.Response:
    return xml("<Error><Code>NoSuchUpload</Code></Error>", 404)


def _part(number: int, etag: str, size: int, checksum: str) -> str:
    inner = f"<PartNumber>{number}</PartNumber><ETag>{etag}</ETag><Size>{size}</Size>{checksum}"
    return f"<Part>{inner}</Part>"


def _named(root: Element) -> dict[int, str]:
    space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    return {
        int(part.findtext(f"{space}PartNumber") or 0): part.findtext(f"{space}ETag") or ""
        for part in root
    }


@dataclass
class House:
    clock: FakeClock
    authorizer: Authorizer
    multipart: MultipartUploads
    store: FakeS3
    sources: dict[str, FakeSource]
    metrics: Metrics
    lines: list[bytes]
    order: list[str]  # of lines written and calls to the store

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def fetches(self) -> int:
        return sum(len(source.asked) for source in self.sources.values())

    def signed(self) -> float:
        labels = {"operation": "multipart", "bucket": "reports"}
        return self.metrics.registry.get_sample_value("presign_signed_total", labels) or 0.0


@asynccontextmanager
async def a_house(
    snapshot: Snapshot | None = None, *, rate: Rate | None = None, **pooled: Any
) -> AsyncIterator[House]:
    """One caller, with all that can be granted unless the snapshot says otherwise."""
    snapshot = snapshot or a_snapshot(a_grant(allow_overwrite=True))
    snapshot = replace(snapshot, callers=(replace(snapshot.callers[0], rate=rate),))
    clock, metrics, order, lines = loop_clock(), Metrics(), list[str](), list[bytes]()
    sources = {name: FakeSource(clock) for name in snapshot.buckets}
    buckets = {
        name: BucketSessions(
            source=sources[name], address=bucket.address, longest_lifetime=900, **pooled
        )
        for name, bucket in snapshot.buckets.items()
    }
    pool = SessionPool(buckets, clock=clock, chance=lambda: 0)

    def write(new: Iterable[bytes]) -> None:
        order.append("line")
        lines.extend(new)

    limits = RateLimits(None, clock=clock, on_failure=lambda: None)
    audit_trail = AuditTrail(write, clock=clock, observer=metrics)
    authorizer = Authorizer(snapshot, pool, clock=clock, audit_trail=audit_trail, limits=limits)
    store = FakeS3(order)
    calls = S3Client(clock=clock, chance=lambda: 0, observer=metrics, transport=store)
    try:
        multipart = MultipartUploads(authorizer, calls)
        yield House(clock, authorizer, multipart, store, sources, metrics, lines, order)
    finally:
        await calls.close()


def new_upload(plan: PartPlan = PLAN, **changes: Any) -> NewUpload:
    ask = NewUpload(
        bucket="reports",
        key=KEY,
        plan=plan,
        action=CreateMultipartUpload(content_type="text/plain"),
        checksums=PartChecksums(),
        lifetime=Lifetime(),
    )
    return replace(ask, **changes)


def an_upload(upload_id: str = "upload-1", **changes: Any) -> Upload:
    return Upload(**{"bucket": "reports", "key": KEY, "upload_id": upload_id, **changes})


def a_window(*numbers: int, plan: PartPlan = PLAN, **changes: Any) -> PartWindow:
    return replace(
        PartWindow(
            upload=an_upload(),
            plan=plan,
            part_numbers=numbers or (1,),
            checksums=PartChecksums(),
            lifetime=Lifetime(),
        ),
        **changes,
    )


def a_completion(*parts: UploadedPart, **changes: Any) -> Completion:
    parts = parts or (UploadedPart(part_number=1, etag='"e"'),)
    ask = Completion(upload=an_upload(), content_length=LENGTH, parts=parts)
    return replace(ask, **changes)


async def refusal(asked: Any, kind: type[PresignError]) -> PresignError:
    with pytest.raises(PresignError) as refused:
        await asked
    assert type(refused.value) is kind, repr(refused.value)
    return refused.value


async def all_sent(house: House, *, checksum: str = "") -> list[UploadedPart]:
    upload_id = (await house.multipart.create(REQUESTER, new_upload())).upload_id
    return [house.store.put(upload_id, n, PLAN.length(n), checksum) for n in (1, 2, 3)]


async def not_completed(
    house: House, parts: Sequence[UploadedPart], kind: type[PresignError], **changes: Any
) -> PresignError:
    return await refusal(house.multipart.complete(REQUESTER, a_completion(*parts, **changes)), kind)
