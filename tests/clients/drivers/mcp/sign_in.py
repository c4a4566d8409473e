"""PyPI `mcp` without a key: it finds the issuer, and signs a person in there."""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata


class Kept:
    tokens = client = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.client

    async def set_client_info(self, client_info: Any) -> None:
        self.client = client_info


async def main(url: str) -> None:
    found = dict[str, list[str]]()

    async def redirect(address: str) -> None:
        async with httpx2.AsyncClient(trust_env=False, follow_redirects=False) as browser:
            answer = await browser.get(address)
        found.update(parse_qs(urlsplit(answer.headers["location"]).query))

    async def callback() -> AuthorizationCodeResult:
        told = {name: each[0] for name, each in found.items()}
        return AuthorizationCodeResult(**told)

    metadata = OAuthClientMetadata(
        client_name="mcp",
        redirect_uris=["http://127.0.0.1:9/callback"],
        grant_types=["authorization_code"],
        token_endpoint_auth_method="none",
    )
    auth = OAuthClientProvider(url, metadata, Kept(), redirect, callback)
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        result = await client.call_tool("show_access", {})
        print(json.dumps(result.structured_content))


asyncio.run(main(*sys.argv[1:]))
