"""The app with two repositories of Git LFS, and a fake S3 with HEAD."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from service.app.settings import Settings
from service.clock import SystemClock
from service.config.key_files import new_key
from tests.multipart.fake_s3 import FakeS3, xml
from tests.s3.fake_store import query_of
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.audited import Audited
from tests.support.virtual_time import FakeClock

MEDIA_TYPE: Final = "application/vnd.git-lfs+json"
BATCH: Final = "/lfs/design/objects/batch"
PUBLIC_URL: Final = "https://acme.com/presign"
MIB: Final = 1024**2
THRESHOLD: Final = 20 * MIB
PARTS: Final = ["multipart", "basic"]
REPOSITORIES: Final = {
    "design": {"bucket": "demo", "prefix": "lfs/design/"},
    "other": {"bucket": "demo", "prefix": "lfs/other/"},
}


def lfs_object(number: int, size: int = 5) -> dict[str, Any]:
    return {"oid": hashlib.sha256(str(number).encode()).hexdigest(), "size": size}


def key_of(oid: str, prefix: str = "lfs/design/") -> str:
    return f"{prefix}{oid[:2]}/{oid[2:4]}/{oid}"


def base64_of(oid: str) -> str:
    return b64encode(bytes.fromhex(oid)).decode()


class LfsStore(FakeS3):
    """Also answers HEAD, and counts how many are in progress. `sha256` is by key."""

    def __init__(self) -> None:
        super().__init__([])
        self.sha256: dict[str, str] = {}
        self.in_progress = self.most_in_progress = 0

    def has(self, oid: str, size: int = 5, sha256: str | None = None) -> None:
        """Store an object, with the SHA-256 that S3 shows for it."""
        self.objects[key_of(oid)] = ('"etag"', size)
        if sha256 is not None:
            self.sha256[key_of(oid)] = sha256

    def heads(self) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == "HEAD"]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.in_progress += 1
        self.most_in_progress = max(self.most_in_progress, self.in_progress)
        try:
            return await super().handle_async_request(request)
        finally:
            self.in_progress -= 1

    def _action(self, request: httpx.Request, query: dict[str, str], body: bytes) -> Any:
        if request.method != "HEAD":
            return super()._action(request, query, body)
        return "head", lambda: self._head(request.url.path[1:])

    def _head(self, key: str) -> httpx.Response:
        if key not in self.objects:
            return xml(status=404)
        etag, size = self.objects[key]
        headers = {"content-length": str(size), "etag": etag}
        if key in self.sha256:
            headers["x-amz-checksum-sha256"] = self.sha256[key]
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(b""))


@dataclass
class Harness(Audited):
    client: httpx.AsyncClient
    store: LfsStore

    async def post(
        self, operation: str, *objects: Mapping[str, Any], **more: Any
    ) -> httpx.Response:
        path = more.pop("path", BATCH)
        headers = more.pop("headers", None)
        body = {"operation": operation, "objects": objects, **more}
        return await self.client.post(path, json=body, headers=headers)

    async def batch(
        self, operation: str, *objects: Mapping[str, Any], **more: Any
    ) -> list[dict[str, Any]]:
        """Return the objects of an answer."""
        answer = await self.post(operation, *objects, **more)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == MEDIA_TYPE
        listed: list[dict[str, Any]] = answer.json()["objects"]
        return listed

    async def upload_in_parts(self, *objects: Mapping[str, Any], **more: Any) -> list[Any]:
        """Return the `upload` of each object."""
        answered = await self.batch("upload", *objects, transfers=PARTS, **more)
        return [each["actions"]["upload"] for each in answered]


def lfs_grant(*allow: str, prefix: str = "lfs/design/", **more: Any) -> dict[str, Any]:
    allowed = list(allow or ("download", "check", "upload", "multipart"))
    return make_open_grant(prefix=prefix, allow=allowed, allow_overwrite=False, **more)


def settings(*grants: Mapping[str, Any], keys: Path | None = None, **more: Any) -> Settings:
    """With `keys`, the directory for a key, there are multipart uploads over 20 MiB."""
    links: dict[str, Any] = {}
    if keys is not None:
        file = keys / "link.key"
        file.write_text(new_key(b"k" * 32))
        links = {"links": {"keys": [str(file)]}, "server": {"public_url": PUBLIC_URL}}
    section = {"repositories": REPOSITORIES, "multipart_threshold": THRESHOLD}
    section |= more.pop("git_lfs", {})
    return make_app_settings(*(grants or (lfs_grant(),)), git_lfs=section, **links, **more)


@asynccontextmanager
async def start(
    configured: Settings | None = None, clock: FakeClock | None = None
) -> AsyncIterator[Harness]:
    store, audit_bytes = LfsStore(), list[bytes]()
    async with run_app(
        configured or settings(),
        store_transport=store,
        audit=audit_bytes.extend,
        clock=clock or SystemClock(),
    ) as client:
        yield Harness(client, store, audit_bytes=audit_bytes)


def parameters(url: str) -> dict[str, str]:
    return query_of(httpx.Request("GET", url))
