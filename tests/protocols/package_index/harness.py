"""The app with a package index, in front of a store that lists some keys."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import httpx

from tests.s3.listed import Listed, listing
from tests.support.app import make_app_settings, make_open_grant, make_store_response, run_app

MODIFIED: Final = "2026-01-02T03:04:05.000Z"
INDEX: Final = "/simple/wheels/"
PLACES: Final = {"wheels": {"bucket": "demo", "prefix": "pypi/"}}
WHEEL: Final = "tinypkg-1.0-py3-none-any.whl"
KEYS: Final = [
    "pypi/a-b/a_b-2.tar.gz",
    "pypi/NotNormal/x-1.tar.gz",
    f"pypi/tinypkg/{WHEEL}",
    f"pypi/tinypkg/{WHEEL}.metadata",
    "pypi/tinypkg/tinypkg-0.9.tar.gz",
    "pypi/tinypkg/deeper/other-1.tar.gz",
    "pypi/readme.txt",
    "elsewhere/z-1.tar.gz",
]


@dataclass
class ListedStore:
    """Answers ListObjectsV2, by pages of `page` entries at most, and HEAD.

    `checksums` are those of the objects, as S3 shows them, by key. `heads` are the keys of HEADs.
    """

    keys: Iterable[str]
    page: int = 1000
    modified: str = MODIFIED
    asked: list[dict[str, str]] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)
    etag: str = "e"
    head_status: int = 200
    heads: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            return self._head(unquote(request.url.path[1:]))
        query = {name: each[0] for name, each in parse_qs(request.url.query.decode()).items()}
        self.asked.append(query)
        objects = dict.fromkeys(self.keys, Listed(modified=self.modified))
        return make_store_response(200, listing(query, objects, page=self.page))

    def _head(self, key: str) -> httpx.Response:
        self.heads.append(key)
        headers = {"content-length": "5", "etag": f'"{self.etag}"'}
        if key in self.checksums:
            headers["x-amz-checksum-sha256"] = self.checksums[key]
        return make_store_response(self.head_status if key in self.keys else 404, "", headers)


@asynccontextmanager
async def run_index(
    store: ListedStore, *, audit: Any = None, rate_limit: str | None = None, **grant: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app. Its caller may do everything in `demo` that `grant` does not take."""
    settings = make_app_settings(
        make_open_grant(**grant), package_index=PLACES, rate_limit=rate_limit
    )
    transport = httpx.MockTransport(store)
    async with run_app(settings, audit=audit, store_transport=transport) as client:
        yield client


async def get(
    path: str,
    accept: str | None = None,
    *,
    store: ListedStore | None = None,
    method: str = "GET",
    **more: Any,
) -> httpx.Response:
    headers = {} if accept is None else {"Accept": accept}
    async with run_index(store or ListedStore(KEYS), **more) as client:
        return await client.request(method, path, headers=headers)
