"""`python drive_aiohttp.py ACTION ADDRESS [FILE]`, with the key in PRESIGN_TOKEN."""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
from yarl import URL

action, address, *files = sys.argv[1:]
METHODS = {"head": "HEAD", "create": "PUT", "overwrite": "PUT", "delete": "DELETE"}


async def main() -> None:
    headers = {"range": {"Range": "bytes=2-5"}, "create": {"If-None-Match": "*"}}.get(action, {})
    own = {"Authorization": f"Bearer {os.environ['PRESIGN_TOKEN']}"}
    body = Path(files[0]).read_bytes() if files else None
    async with (
        aiohttp.ClientSession(raise_for_status=True) as service,
        service.request(
            METHODS.get(action, "GET"),
            URL(address, encoded=True),
            headers=own | headers,
            data=body,
            allow_redirects=True,
        ) as answer,
    ):
        text = answer.headers["Content-Length"] if action == "head" else await answer.text()
        print(text, end="")


asyncio.run(main())
