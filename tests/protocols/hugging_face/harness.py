"""The app with a hub, in front of a store that lists some objects."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

import httpx

from service.clock import Clock, SystemClock
from service.protocols.hugging_face.revisions import NAME_DIGITS, name_digits
from tests.s3.listed import Listed, listing
from tests.support.app import make_app_settings, make_open_grant, make_store_response, run_app

MODIFIED: Final = "2026-01-02T03:04:05.000Z"
MODELS: Final = "models/"
HUB: Final = {
    "models": {"bucket": "demo", "prefix": MODELS},
    "datasets": {"bucket": "demo", "prefix": "datasets/"},
}
LLAMA: Final = "models/acme/llama/main/"
INFO: Final = "/hf/api/models/acme/llama"
FILE: Final = "/hf/acme/llama/resolve/main/config.json"
KEYS: Final = (
    f"{LLAMA}config.json",
    f"{LLAMA}onnx/model.onnx",
    f"{LLAMA}onnx/q4/model.onnx",
    f"{LLAMA}weights.safetensors",
    "models/acme/llama/v1/config.json",
    "models/other/secret/main/config.json",
    "datasets/acme/squad/main/train.parquet",
)
READ: Final = ("list", "download")


def stored(etag: str = "e", size: int = 5) -> Listed:
    return Listed(etag, size, MODIFIED)


@dataclass
class HubStore:
    """Answers ListObjectsV2, and forbids a HEAD. Each answer waits for `gate`, if there is one."""

    objects: dict[str, Listed]
    status: int = 200
    gate: asyncio.Event | None = None
    began: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        query = {name: each[0] for name, each in parse_qs(request.url.query.decode()).items()}
        self.asked.append(query)
        self.began.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.status != 200 or request.method == "HEAD":
            status = max(self.status, 403)
            return make_store_response(status, "<Error><Code>AccessDenied</Code></Error>")
        return make_store_response(200, listing(query, self.objects))


def store_of(keys: Iterable[str] = KEYS) -> HubStore:
    return HubStore({key: stored() for key in keys})


@asynccontextmanager
async def run_hub(
    store: HubStore,
    *grants: dict[str, Any],
    audit: Any = None,
    rate_limit: str | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app. Without `grants` its caller may read all of `demo`."""
    grants = grants or (grant(""),)
    settings = make_app_settings(
        *grants, rate_limit=rate_limit, **{"hugging_face": HUB, "server": {}} | more
    )
    transport = httpx.MockTransport(store)
    async with run_app(
        settings, audit=audit, store_transport=transport, clock=clock or SystemClock()
    ) as client:
        yield client


def grant(prefix: str, *allow: str, **more: Any) -> dict[str, Any]:
    return make_open_grant(prefix=prefix, allow=list(allow or READ), allow_overwrite=False, **more)


def sha_of_name(name: str) -> str:
    """A sha that no content of the revision has."""
    return name_digits(name) + "0" * (40 - NAME_DIGITS)


def told(answer: httpx.Response) -> tuple[int, str | None]:
    """The status, and the error of the Hub."""
    return answer.status_code, answer.headers.get("x-error-code")
