"""The app with two build caches, and a fake S3 with all that they need."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.config.key_files import new_key
from tests.protocols.mlflow.harness import MlflowStore
from tests.support.app import make_app_settings, run_app

TRUSTED: Final = "cache/web/trusted/"
OTHERS: Final = "cache/web/pr/"
OWN: Final = f"{OTHERS}7/"
CACHES: Final = {
    "web": {"bucket": "demo", "trusted": TRUSTED, "others": OTHERS},
    "docs": {"bucket": "demo", "trusted": "cache/docs/"},
}
TURBO: Final = "/caches/web/v8/artifacts"
NX: Final = "/caches/web/v1/cache"
READS: Final = ("download", "check")
PULL: Final = "pull-request-7"
BODY: Final = b"artifact"


def grant(prefix: str, *allow: str, **more: Any) -> dict[str, Any]:
    listed = list(allow or READS)
    return {"bucket": "demo", "prefix": prefix, "allow": listed} | more


def writing(prefix: str, **more: Any) -> dict[str, Any]:
    return grant(prefix, *READS, "upload", **{"allow_overwrite": True, **more})


MAIN: Final = (writing(TRUSTED),)
OF_PULL: Final = (grant(TRUSTED), writing(OWN))


def caller(name: str, *grants: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": list(grants), **more}


def settings(*grants: Mapping[str, Any], keys: Path | None = None, **more: Any) -> Settings:
    """The usual caller has the grants, or those of the main branch.

    With `keys`, the directory for a key, there are tickets.
    """
    links: dict[str, Any] = {}
    if keys is not None:
        file = keys / "link.key"
        file.write_text(new_key(b"k" * 32))
        links = {
            "links": {"keys": [str(file)]},
            "server": {"public_url": "https://files.example.com"},
        }
    section = more.pop("build_caches", CACHES)
    return make_app_settings(*(grants or MAIN), build_caches=section, **links, **more)


@dataclass
class Harness:
    client: httpx.AsyncClient
    store: MlflowStore
    audit_bytes: list[bytes] = field(default_factory=list)

    @property
    def audit_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit_bytes]

    def line(self) -> dict[str, Any]:
        """Return the one line that there is, and forget it."""
        [line] = self.audit_lines
        self.audit_bytes.clear()
        return line

    def has(self, *keys: str, size: int = 8) -> None:
        self.store.objects |= dict.fromkeys(keys, ('"etag"', size))

    def looks(self) -> list[str]:
        """Return the keys that the service has looked at, and forget them."""
        found = [each.url.path[1:] for each in self.store.requests if each.method == "HEAD"]
        self.store.requests.clear()
        return found

    async def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request exactly as it is written."""
        url = httpx.URL("http://presign", raw_path=path.encode("latin-1"))
        return await self.client.request(method, url, **more)

    async def preflight(self, method: str, name: str = "abc", **more: Any) -> httpx.Response:
        """Ask as Turborepo does where to send its request."""
        headers = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "Authorization, Content-Type, User-Agent",
            **more,
        }
        return await self.send("OPTIONS", f"{TURBO}/{name}?slug=acme", headers=headers)

    async def batch(self, *hashes: str) -> httpx.Response:
        return await self.client.post(TURBO, json={"hashes": hashes})


@asynccontextmanager
async def start(configured: Settings | None = None, **more: Any) -> AsyncIterator[Harness]:
    store, audit_bytes = MlflowStore(), list[bytes]()
    async with run_app(
        configured or settings(),
        store_transport=store,
        **{"audit": audit_bytes.extend, **more},
    ) as client:
        yield Harness(client, store, audit_bytes)


def as_pull(**headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {PULL}", **headers}


def signed(answer: httpx.Response) -> tuple[str, str, set[str]]:
    """Return the key, the seconds and the signed headers of the URL in `Location`."""
    url = httpx.URL(answer.headers["location"])
    headers = set(url.params["X-Amz-SignedHeaders"].split(";"))
    return url.path[1:], url.params["X-Amz-Expires"], headers


def allowed_headers(answer: httpx.Response) -> set[str]:
    return set(answer.headers["access-control-allow-headers"].split(", "))


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a refusal in the form of either program."""
    if answer.headers["content-type"] == "text/plain":
        return answer.status_code, answer.text.rpartition("(")[2].partition(",")[0]
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "request_id"}
    return answer.status_code, error["code"]
