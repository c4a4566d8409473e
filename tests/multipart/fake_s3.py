"""A store of multipart uploads in memory, in virtual time: see `tests/support/virtual_time.py`."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

import httpx

from service.signing.multipart_actions import UploadedPart
from tests.s3.fake_store import Body, query_of

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
