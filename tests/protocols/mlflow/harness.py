"""The app with two artifact roots of MLflow, and a fake S3 with all that they need."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final
from urllib.parse import quote

import httpx

from service.app.settings import Settings
from tests.multipart.fake_s3 import Do, FakeS3, xml
from tests.support.app import make_app_settings, make_open_grant, run_app

API: Final = "/api/2.0/mlflow-artifacts"
PREFIX: Final = "mlflow/team/"
ROOTS: Final = {
    "team": {"bucket": "demo", "prefix": PREFIX},
    "other": {"bucket": "demo", "prefix": "mlflow/other/"},
}
RIGHTS: Final = ("download", "head", "list", "upload", "multipart", "delete")


class MlflowStore(FakeS3):
    """Also has HEAD, PUT and DELETE of objects, and lists by pages."""

    def __init__(self) -> None:
        super().__init__([])

    def has(self, *paths: str, size: int = 5) -> None:
        """Store artifacts of the root `team`."""
        self.objects |= {f"{PREFIX}{path}": ('"etag"', size) for path in paths}

    def names(self) -> list[str]:
        return sorted(key.removeprefix(PREFIX) for key in self.objects)

    def _action(self, request: httpx.Request, query: dict[str, str], body: bytes) -> tuple[str, Do]:
        key = request.url.path[1:]
        match request.method:
            case "HEAD":
                return "head", lambda: self._head(key)
            case "PUT":
                return "put", lambda: self._put(key, request.headers)
            case "DELETE" if "uploadId" not in query:
                return "delete", lambda: self._delete(key)
            case "GET" if query.get("list-type"):
                return "objects", lambda: self._list(query)
        return super()._action(request, query, body)

    def _head(self, key: str) -> httpx.Response:
        if key not in self.objects:
            return xml(status=404)
        headers = {"content-length": str(self.objects[key][1])}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(b""))

    def _put(self, key: str, headers: httpx.Headers) -> httpx.Response:
        if headers.get("if-none-match") == "*" and key in self.objects:
            return xml("<Error><Code>PreconditionFailed</Code></Error>", 412)
        self.objects[key] = ('"etag"', int(headers["content-length"]))
        return xml()

    def _delete(self, key: str) -> httpx.Response:
        self.objects.pop(key, None)
        return xml(status=204)

    def _list(self, query: Mapping[str, str]) -> httpx.Response:
        """A token is the last name of the page before."""
        prefix, after = query["prefix"], query.get("continuation-token", "")
        keys = [key for key in self.objects if key.startswith(prefix)]
        if "delimiter" in query:
            parts = [key.removeprefix(prefix).partition("/") for key in keys]
            keys = [prefix + name + slash for name, slash, _ in parts]
        rest = [name for name in sorted(set(keys)) if name > after]
        limit = min(self.page, int(query["max-keys"]))
        listed = "".join(map(self._entry, rest[:limit]))
        is_cut = len(rest) > limit
        last = escape(rest[limit - 1]) if is_cut else ""
        token = f"<NextContinuationToken>{last}</NextContinuationToken>" if is_cut else ""
        return xml(
            f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{str(is_cut).lower()}"
            f"</IsTruncated>{token}{listed}</ListBucketResult>"
        )

    def _entry(self, name: str) -> str:
        if name not in self.objects:
            return f"<CommonPrefixes><Prefix>{quote(name)}</Prefix></CommonPrefixes>"
        etag, size = self.objects[name]
        return (
            f"<Contents><Key>{quote(name)}</Key><ETag>{escape(etag)}</ETag><Size>{size}</Size>"
            "</Contents>"
        )


@dataclass
class Harness:
    client: httpx.AsyncClient
    store: MlflowStore
    audit_bytes: list[bytes] = field(default_factory=list)

    @property
    def audit_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit_bytes]

    async def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to a path below the API, exactly as it is written."""
        url = httpx.URL("http://presign", raw_path=f"{API}{path}".encode())
        return await self.client.request(method, url, **more)

    async def parts(self, call: str, path: str = "/tmp/model.pkl", **more: Any) -> httpx.Response:
        """Create, complete or abort an upload in the folder `1/run` of the root `team`."""
        return await self.send("POST", f"/mpu/{call}/team/1/run", json={"path": path, **more})

    async def names(self, path: str = "team") -> list[str]:
        answer = await self.client.get(f"{API}/artifacts", params={"path": path})
        assert answer.status_code == 200, answer.text
        return [each["path"] for each in answer.json()["files"]]


def settings(*allow: str, **grant: Any) -> Settings:
    allowed = list(allow or RIGHTS)
    return make_app_settings(
        make_open_grant(allow=allowed, **{"prefix": PREFIX, **grant}), mlflow={"roots": ROOTS}
    )


@asynccontextmanager
async def start(configured: Settings | None = None) -> AsyncIterator[Harness]:
    store, audit_bytes = MlflowStore(), list[bytes]()
    async with run_app(
        configured or settings(), store_transport=store, audit=audit_bytes.extend
    ) as client:
        yield Harness(client, store, audit_bytes)


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and MLflow's code of a refusal."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"error_code", "message", "code", "request_id"}, body
    return answer.status_code, body["error_code"]
