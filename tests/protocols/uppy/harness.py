"""The app with Uppy, two callers with the same grant, and a fake S3."""

import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from service.app.settings import Settings
from service.auth.api_keys import digest_of
from tests.multipart.fake_s3 import FakeS3
from tests.s3.fake_store import query_of
from tests.support.app import API_KEY, make_app_settings, make_open_grant, run_app
from tests.support.audited import Audited

BOB: Final = {"Authorization": "Bearer battery-staple"}
PREFIX: Final = "uploads/_key/tester/"
MAX_LENGTH: Final = 50 * 1024**2
TYPES: Final = ["application/pdf", "image/*"]
GRANT: Final[dict[str, Any]] = {
    "bucket": "demo",
    "prefix": "uploads/",
    "allow": ["form", "multipart"],
    "max_content_length": MAX_LENGTH,
    "content_types": TYPES,
    "max_expires_in": 600,
}
UPPY: Final[dict[str, Any]] = {"bucket": "demo", "prefix": "uploads/{caller}/"}
PARAMS: Final = "/uppy/s3/params"
MULTIPART: Final = "/uppy/s3/multipart"
SIGN: Final = "/uppy/sign"
PDF: Final = {"filename": "bill.pdf", "type": "application/pdf"}
MIN_PART: Final = 5 * 1024**2
KEY: Final = re.compile(re.escape(PREFIX) + "[0-9a-f]{32}/bill[.]pdf")


@dataclass
class Harness(Audited):
    client: httpx.AsyncClient
    store: FakeS3

    async def sign(self, status: int = 200, **request: Any) -> dict[str, Any]:
        answer = await self.sign_raw(**request)
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def sign_raw(self, **request: Any) -> httpx.Response:
        return await self.client.post(SIGN, json=request)

    async def create(self, **more: Any) -> tuple[str, str]:
        """Create an upload. Return its URL and its key."""
        answer = await self.client.post(MULTIPART, json={**PDF, **more})
        assert answer.status_code == 200, answer.text
        upload = answer.json()
        return f"{MULTIPART}/{upload['uploadId']}", upload["key"]


def settings(uppy: Mapping[str, Any] | None = None, **more: Any) -> Settings:
    grants = more.pop("grants", [GRANT])
    own = {"api_key": "tester", "sha256": [digest_of(API_KEY)], "grants": grants}
    other = {"api_key": "bob", "sha256": [digest_of("battery-staple")], "grants": grants}
    own |= more.pop("own", {})
    return make_app_settings(callers=[own, other], uppy={**UPPY, **(uppy or {})}, **more)


def with_bucket(**bucket: Any) -> Settings:
    """Uploads go to a bucket with these settings; both callers may do everything there."""
    buckets = {"other": {"region": "eu-west-1", "credentials": "static", **bucket}}
    grant = make_open_grant(bucket="other", prefix="uploads/")
    return settings({"bucket": "other"}, buckets=buckets, grants=[grant])


@asynccontextmanager
async def start_harness(configured: Settings | None = None) -> AsyncIterator[Harness]:
    store, audit_bytes = FakeS3([]), list[bytes]()
    async with run_app(
        configured or settings(), store_transport=store, audit=audit_bytes.extend
    ) as client:
        yield Harness(client, store, audit_bytes=audit_bytes)


def query(url: str) -> dict[str, str]:
    return query_of(httpx.Request("GET", url))


def key_of(url: str) -> str:
    return unquote(urlsplit(url).path)[1:]


def conditions(fields: Mapping[str, str]) -> list[Any]:
    conditions: list[Any] = json.loads(b64decode(fields["policy"]))["conditions"]
    return conditions
