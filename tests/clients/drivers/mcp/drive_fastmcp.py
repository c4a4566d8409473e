"""fastmcp as a client. Each line of standard input is a method and its arguments, as JSON."""

import asyncio
import json
import os
import sys
from typing import Any

from fastmcp import Client
from mcp.shared.exceptions import MCPError


async def answer(client: Client, method: str, *arguments: Any) -> Any:
    match method:
        case "about":
            found = client.session
            return {"revision": found.protocol_version, "instructions": found.instructions}
        case "tools":
            found = await client.list_tools()
            return [each.model_dump(mode="json", by_alias=True) for each in found]
        case "call":
            found = await client.call_tool_mcp(*arguments)
            return found.model_dump(mode="json", by_alias=True, exclude_none=True)


async def main(url: str) -> None:
    async with Client(url, auth=os.environ["PRESIGN_TOKEN"]) as client:
        for line in sys.stdin:
            try:
                told = {"answer": await answer(client, *json.loads(line))}
            except MCPError as error:
                told = {"error": str(error)}
            print(json.dumps(told), flush=True)


asyncio.run(main(*sys.argv[1:]))
