"""`GET /v1/objects` and `GET /v1/object-versions` over ASGI, with a store that answers one page."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx

from tests.support.app import make_app_settings, make_open_grant, make_store_response, run_app


async def get(
    path: str, query: Mapping[str, str], page: str, *, audit: Any = None, **grant: Any
) -> tuple[httpx.Response, list[dict[str, list[str]]]]:
    """The answer, and the queries that the store got."""
    asked: list[dict[str, list[str]]] = []

    def store(request: httpx.Request) -> httpx.Response:
        asked.append(parse_qs(request.url.query.decode(), keep_blank_values=True))
        return make_store_response(200, page)

    settings = make_app_settings(make_open_grant(**grant))
    transport = httpx.MockTransport(store)
    async with run_app(settings, audit=audit, store_transport=transport) as client:
        return await client.get(f"/v1/{path}", params=query), asked
