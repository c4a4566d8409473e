"""Multipart uploads, and a store in memory, in virtual time: see `tests/support/virtual_time.py`."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from operator import methodcaller
from typing import Any, Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest

from service.access.callers import Rate
from service.errors import PresignError
from service.multipart.part_plan import PartPlan
from service.multipart.requests import Completion, NewUpload, PartChecksums, PartWindow, Upload
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.rate_limits import RateLimits
from service.presigning.results import CompletedUpload, CreatedUpload, PresignedParts
from service.presigning.snapshot import Snapshot
from service.s3.client import S3Client
from service.sessions.lifetime import Lifetime
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart
from service.telemetry.metrics import Metrics
from tests.s3.fake_store import Body, harness_decorator, query_of
from tests.support.authorizer import make_authorizer
from tests.support.factories import REQUESTER, make_grant, make_snapshot
from tests.support.pool import FakeSource
from tests.support.virtual_time import FakeClock, loop_clock

MIN_PART: Final = 5 * 1024**2
LENGTH: Final = 2 * MIN_PART + 7
PLAN: Final = PartPlan(LENGTH, MIN_PART)
KEY: Final = "a/b"
Do = Callable[[], httpx.Response]
Fault = Callable[[Do], httpx.Response]


def xml(body: str = "", status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, stream=Body(body), headers=named)


def refuses(status: int, code: str) -> Fault:
    """Responds with an error instead."""
    return lambda _: xml(f"<Error><Code>{code}</Code></Error>", status)


def loses_answer(do: Do) -> httpx.Response:
    """Carries out the request, but sends no response."""
    do()
    raise httpx.ReadError("lost")


def loses_request(do: Do) -> httpx.Response:
    raise httpx.ConnectError("lost")


@dataclass
class StoredUpload:
    """An upload. Its parts are etag, size, and the checksum as an XML element."""

    key: str
    headers: httpx.Headers
    parts: dict[int, tuple[str, int, str]] = field(default_factory=dict)


class FakeS3(httpx.AsyncBaseTransport):
    """Behaves like S3, except for the `faults` of a call, one for each attempt.

    Appends the name of each call to `events`.
    """

    def __init__(self, events: list[str]) -> None:
        self.uploads: dict[str, StoredUpload] = {}
        self.objects: dict[str, tuple[str, int]] = {}
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.delays: defaultdict[str, float] = defaultdict(float)
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self.page = 1000
        self.created = 0
        self._events = events

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body, query = await request.aread(), query_of(request)
        self.requests.append(request)
        self.bodies.append(body)
        name, do = self._action(request, query, body)
        self._events.append(name)
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
        """Do what a caller does with a part's URL."""
        etag = f'"{hashlib.md5(f"{number} {size}".encode()).hexdigest()}"'
        self.uploads[upload_id].parts[number] = (etag, size, checksum)
        return UploadedPart(part_number=number, etag=etag, content_length=size)

    def _create(self, key: str, headers: httpx.Headers) -> httpx.Response:
        self.created += 1
        upload_id = f"upload-{self.created}"
        self.uploads[upload_id] = StoredUpload(key, headers)
        name = "InitiateMultipartUploadResult"
        return xml(f"<{name}><UploadId>{upload_id}</UploadId></{name}>")

    def _find(self, key: str, upload_id: str) -> StoredUpload | None:
        stored = self.uploads.get(upload_id)
        return stored if stored is not None and stored.key == key else None

    def _parts(self, key: str, upload_id: str, after: int) -> httpx.Response:
        if (stored := self._find(key, upload_id)) is None:
            return _no_such_upload()
        rest = [number for number in sorted(stored.parts) if number > after]
        page = "".join(_part(number, *stored.parts[number]) for number in rest[: self.page])
        truncated = str(len(rest) > self.page).lower()
        return xml(
            f"<ListPartsResult><IsTruncated>{truncated}</IsTruncated>{page}</ListPartsResult>"
        )

    def _abort(self, key: str, upload_id: str) -> httpx.Response:
        if self._find(key, upload_id) is None:
            return _no_such_upload()
        del self.uploads[upload_id]
        return xml(status=204)

    def _complete(
        self, key: str, upload_id: str, headers: httpx.Headers, body: bytes
    ) -> httpx.Response:
        if (stored := self._find(key, upload_id)) is None:
            return _no_such_upload()
        if headers.get("if-none-match") == "*" and key in self.objects:
            return xml("<Error><Code>PreconditionFailed</Code></Error>", 412)
        etags = _etags(fromstring(body))
        if any(stored.parts.get(number, ("",))[0] != etag for number, etag in etags.items()):
            return xml("<Error><Code>InvalidPart</Code></Error>", 400)
        digest = hashlib.md5(bytes.fromhex("".join(etag.strip('"') for etag in etags.values())))
        etag = f'"{digest.hexdigest()}-{len(etags)}"'
        self.objects[key] = (etag, sum(stored.parts[number][1] for number in etags))
        del self.uploads[upload_id]
        name = "CompleteMultipartUploadResult"
        return xml(f"<{name}><ETag>{etag}</ETag></{name}>", x_amz_version_id="v1")

    def _objects(self, prefix: str, limit: int) -> httpx.Response:
        keys = [key for key in sorted(self.objects) if key.startswith(prefix)][:limit]
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


def _etags(root: Element) -> dict[int, str]:
    space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    return {
        int(part.findtext(f"{space}PartNumber") or 0): part.findtext(f"{space}ETag") or ""
        for part in root
    }


@dataclass
class Harness:
    """The multipart use cases of one caller. Requests without arguments are valid."""

    clock: FakeClock
    authorizer: Authorizer
    multipart: MultipartUploads
    store: FakeS3
    sources: dict[str, FakeSource]
    metrics: Metrics
    audit_bytes: list[bytes]
    events: list[str]  # audit lines and calls to the store

    @property
    def audit_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit_bytes]

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
        request = PartWindow(
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
    client = S3Client(clock=clock, chance=lambda: 0, observer=metrics, transport=store)
    try:
        multipart = MultipartUploads(authorizer, client)
        yield Harness(clock, authorizer, multipart, store, sources, metrics, lines, events)
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
