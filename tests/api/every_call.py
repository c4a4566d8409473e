"""Every call of the app, with secrets in callers, bodies, headers, paths and queries."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from ruamel.yaml import YAML

from tests.api.sentinels import BEARER, FORGED, JWT, Shown
from tests.support.app import API_KEY, SECRET, TOKEN

DOCUMENT: Final = Path(__file__).parents[2] / "openapi.yaml"
GET: Final = {"bucket": "demo", "key": "a"}
Headers = list[tuple[str, str]]
AS_API_KEY: Final = [("Authorization", f"Bearer {API_KEY}")]
AS_TOKEN: Final = [("Authorization", f"Bearer {JWT}")]
CALLERS: Final[list[Headers]] = [
    AS_API_KEY,
    AS_TOKEN,
    [("Authorization", f"Bearer {FORGED}")],
    [("Authorization", f"Basic {API_KEY}")],
    [*AS_API_KEY, *AS_TOKEN],
    [("X-Api-Key", API_KEY), ("Cookie", f"token={JWT}")],
]
ODD_HEADERS: Final[list[tuple[str, str]]] = [
    ("X-Request-ID", f"{API_KEY} {SECRET}"),
    ("Content-Type", f"text/{SECRET}"),
    ("Content-Length", f"{SECRET}"),
    ("Origin", f"https://{FORGED}.example"),
    ("Access-Control-Request-Method", API_KEY),
    ("X-Forwarded-For", TOKEN),
    ("Referer", f"https://h/?key={API_KEY}"),
    ("traceparent", BEARER),
]
SENT: Final = (API_KEY, SECRET, TOKEN, JWT, FORGED)
# A name that looks like a field is repeated in the pointer, so these names do not.
UNLIKE_A_FIELD: Final = (TOKEN, JWT, FORGED, f"{API_KEY} {SECRET}")
MALFORMED: Final[list[bytes]] = [
    *(json.dumps(sent).encode() for sent in SENT),
    *(json.dumps({**GET, name: sent}).encode() for sent in SENT for name in UNLIKE_A_FIELD),
    *(json.dumps({**GET, "expires_in": sent, "items": [sent]}).encode() for sent in SENT),
    *(json.dumps({"items": [{**GET, "a": {sent: sent}}, sent]}).encode() for sent in SENT),
    *(json.dumps({**GET, "key": sent}).encode()[:-1] for sent in SENT),
    f'{{"key": NaN, "{TOKEN}": "{SECRET}"}}'.encode(),
    b'{"key": "\xff' + SECRET.encode(),
]
OVERSIZE: Final = SECRET.encode() * 280_000  # more than a batch may have


def calls(app: FastAPI) -> list[tuple[str, str]]:
    """Each method and path, including those outside the document."""
    found = [(method, route.path) for route in flat(app.routes) for method in route.methods or ()]
    assert {path for _, path in found} > set(app.openapi()["paths"])
    return found


def flat(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:  # FastAPI keeps each included router
            yield from flat(route.original_router.routes)


@cache
def examples() -> dict[str, list[bytes]]:
    """The example bodies of the document by path."""
    document = YAML(typ="safe", pure=True).load(DOCUMENT)
    return {
        path: [
            json.dumps(example["value"]).encode()
            for media in item["post"]["requestBody"]["content"].values()
            for example in media["examples"].values()
        ]
        for path, item in document["paths"].items()
        if "post" in item
    }


async def everything(client: httpx.AsyncClient, app: FastAPI, shown: Shown) -> None:
    """Every route, with every body, caller, query and header that holds a secret."""
    good = examples()
    for method, path in calls(app):
        for headers in CALLERS:
            for body in good.get(path, [b""]):
                shown.add(await client.request(method, path, content=body, headers=headers))
            if "{upload_id}" in path:
                shown.add(await client.request(method, path, params=GET, headers=headers))
        # Routes without a body do not read it.
        malformed = MALFORMED if path in good else [json.dumps(SENT).encode()]
        for headers in (AS_API_KEY, AS_TOKEN):
            for body in malformed:
                shown.add(await client.request(method, path, content=body, headers=headers))
        shown.add(await client.request(method, path, content=OVERSIZE, headers=AS_API_KEY))
        for header in ODD_HEADERS:
            odd = [*AS_API_KEY, header]
            shown.add(await client.request(method, path, content=b"{}", headers=odd))
    await unknown(client, app, shown)


async def unknown(client: httpx.AsyncClient, app: FastAPI, shown: Shown) -> None:
    """Unknown paths, methods and queries."""
    for _, path in calls(app):
        targets = [f"{path}?access_token={API_KEY}&sig={SECRET}", f"{path}/{FORGED}"]
        if path.endswith("{path:path}"):  # below it, everything is a key, which the trail has
            targets.pop()
        for target in targets:
            for method in ("GET", "POST", "OPTIONS", "PATCH"):
                shown.add(await client.request(method, target, headers=AS_API_KEY))
    for target in (f"/{API_KEY}", f"/v1/{SECRET}", f"/v1/download-urls/{JWT}?{TOKEN}"):
        shown.add(await client.post(target, json=GET, headers=AS_API_KEY))
