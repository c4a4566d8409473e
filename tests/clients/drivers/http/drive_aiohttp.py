import asyncio
import os
import sys
from pathlib import Path

import aiohttp
from yarl import URL

action, address, file = sys.argv[1:]
METHODS = {"create": "PUT", "Range": "GET"}
BODY = Path(file).read_bytes() if action in {"PUT", "create"} else None
MORE = {"create": {"If-None-Match": "*"}, "Range": {"Range": "bytes=2-5"}}


async def main() -> None:
    key = {"Authorization": f"Bearer {os.environ['PRESIGN_TOKEN']}"}
    async with (
        aiohttp.ClientSession(headers=key, raise_for_status=True) as service,
        service.request(
            METHODS.get(action, action),
            URL(address),
            headers=MORE.get(action),
            data=BODY,
            allow_redirects=True,
        ) as answer,
    ):
        length = answer.headers["Content-Length"]
        print(length if action == "HEAD" else await answer.text(), end="")


asyncio.run(main())
