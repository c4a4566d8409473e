"""PyPI `mcp` as a client. Each line of standard input is a method and its arguments, as JSON."""

import asyncio
import json
import os
import sys
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

HEADERS = {"Authorization": f"Bearer {os.environ['PRESIGN_TOKEN']}"}


async def answer(client: Client, method: str, *arguments: Any) -> Any:
    match method:
        case "about":
            return {"revision": client.protocol_version, "instructions": client.instructions}
        case "tools":
            found = await client.list_tools()
            return [each.model_dump(mode="json", by_alias=True) for each in found.tools]
        case "call":
            found = await client.call_tool(*arguments)
            return found.model_dump(mode="json", by_alias=True, exclude_none=True)


async def main(url: str, mode: str) -> None:
    async with (
        httpx2.AsyncClient(headers=HEADERS, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        for line in sys.stdin:
            try:
                told = {"answer": await answer(client, *json.loads(line))}
            except MCPError as error:
                told = {"error": str(error)}
            print(json.dumps(told), flush=True)


asyncio.run(main(*sys.argv[1:]))
