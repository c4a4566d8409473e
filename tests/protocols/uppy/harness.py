"""The app with Uppy, two callers of one grant, and a store as S3 is."""

import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from service.auth.api_keys import digest_of
from service.config.settings import Settings
from tests.api.conftest import API_KEY, running, settings_with
from tests.multipart.fake_s3 import FakeS3

BOB: Final = {"Authorization": "Bearer battery-staple"}
PREFIX: Final = "uploads/_key/tester/"
MOST: Final = 50 * 1024**2
TYPES: Final = ["application/pdf", "image/*"]
GRANT: Final[dict[str, Any]] = {
    "bucket": "demo",
    "prefix": "uploads/",
    "allow": ["form", "multipart"],
    "max_content_length": MOST,
    "content_types": TYPES,
    "max_expires_in": 600,
}
UPPY: Final[dict[str, Any]] = {"bucket": "demo", "prefix": "uploads/{caller}/"}
PARAMS: Final = "/uppy/s3/params"
MULTIPART: Final = "/uppy/s3/multipart"
SIGN: Final = "/uppy/sign"
PDF: Final = {"filename": "bill.pdf", "type": "application/pdf"}
LEAST: Final = 5 * 1024**2
KEY: Final = re.compile(re.escape(PREFIX) + "[0-9a-f]{32}/bill[.]pdf")


@dataclass
class House:
    client: httpx.AsyncClient
    store: FakeS3
    written: list[bytes] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written]

    async def sign(self, status: int = 200, **request: Any) -> dict[str, Any]:
        answer = await self.sign_raw(**request)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def sign_raw(self, **request: Any) -> httpx.Response:
        return await self.client.post(SIGN, json=request)

    async def created(self, **more: Any) -> tuple[str, str]:
        """An upload's address, and the query that goes with it."""
        answer = await self.client.post(MULTIPART, json={**PDF, **more})
        assert answer.status_code == 200, answer.text
        upload = answer.json()
        return f"{MULTIPART}/{upload['uploadId']}", upload["key"]


def settings(uppy: Mapping[str, Any] | None = None, **more: Any) -> Settings:
    grants = more.pop("grants", [GRANT])
    own = {"api_key": "tester", "sha256": [digest_of(API_KEY)], "grants": grants}
    other = {"api_key": "bob", "sha256": [digest_of("battery-staple")], "grants": grants}
    own |= more.pop("own", {})
    return settings_with(callers=[own, other], uppy={**UPPY, **(uppy or {})}, **more)


@asynccontextmanager
async def a_house(configured: Settings | None = None) -> AsyncIterator[House]:
    store, written = FakeS3([]), list[bytes]()
    async with running(
        configured or settings(), store_transport=store, audit=written.extend
    ) as client:
        yield House(client, store, written)


def query(url: str) -> dict[str, str]:
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()
    }


def key_of(url: str) -> str:
    return unquote(urlsplit(url).path)[1:]


def conditions(fields: Mapping[str, str]) -> list[Any]:
    told: list[Any] = json.loads(b64decode(fields["policy"]))["conditions"]
    return told
