"""The app with two artifact roots of MLflow, and a fake S3 with all that they need."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import httpx

from service.app.settings import Settings
from tests.multipart.fake_s3 import Do, FakeS3, xml
from tests.s3.listed import Listed, listing
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.audited import Audited

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
        objects = {key: Listed(escape(etag), size) for key, (etag, size) in self.objects.items()}
        return xml(listing(query, objects, page=self.page))


@dataclass
class Harness(Audited):
    client: httpx.AsyncClient
    store: MlflowStore

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
        yield Harness(client, store, audit_bytes=audit_bytes)


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and MLflow's code of a refusal."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"error_code", "message", "code", "request_id"}, body
    return answer.status_code, body["error_code"]
