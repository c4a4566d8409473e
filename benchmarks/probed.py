"""`presign serve` with a probe in its loop: how long, of CPU, is the longest that a request holds it?

`GET /probe` tells that in milliseconds, and begins anew. CPU time, since whoever else is on the machine
holds the loop up as well.
"""

import asyncio
import time
from typing import Any

from starlette.types import Receive, Scope, Send

from benchmarks.issuing import json_bytes
from service.app import factory as composition
from service.cli import serve
from service.cli.main import main as presign


class Probe:
    """A task that wants every turn of the loop, and notes the longest it had to wait for one."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.longest = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/probe":
            await self.app(scope, receive, send)
            return
        self._task = self._task or asyncio.create_task(self._watch())
        told, self.longest = json_bytes(self.longest * 1000), 0.0
        headers = [(b"content-length", str(len(told)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    async def _watch(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest = max(self.longest, now - before)
            before = now


def main() -> None:
    create_app = composition.create_app

    def probed(*args: Any, **kwargs: Any) -> Any:
        app = create_app(*args, **kwargs)
        app.gateway = Probe(app.gateway)  # outside of everything
        return app

    vars(serve)["create_app"] = probed
    presign()


if __name__ == "__main__":
    main()
