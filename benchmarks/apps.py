"""What the service is measured beside. `python -m benchmarks.apps NAME TOKEN PORT` serves one of them.

Each runs as the service does, on uvicorn with uvloop and httptools, one worker, no access log; what
they do not do, they are spared: none of them authenticates, limits, audits or counts.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import boto3
import uvicorn
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.signers import BUCKET, CONFIG, aioboto3_client, arguments, some_credentials
from service.api.schemas import DownloadUrlRequest, StrictRequest


def hello(token: int) -> ASGIApp:  # noqa: ARG001 - it signs nothing
    """FastAPI's hello world, with the request model of the service."""
    app = FastAPI()

    @app.post("/v1/download-urls")
    async def create_download_url(body: DownloadUrlRequest) -> dict[str, str]:  # noqa: ARG001 - validated
        return {"message": "Hello World"}

    return app


def raw(token: int) -> ASGIApp:  # noqa: ARG001 - it signs nothing
    """What no Python app on this server can undercut: it reads the body, and answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await receive()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"25")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"message":"Hello World"}'})

    return app


def article(token: int) -> ASGIApp:
    """As articles have it: a `def` handler, which makes itself a client for each request."""
    app, credentials = FastAPI(), some_credentials(token)

    @app.post("/v1/download-urls")
    def create_download_url(body: DownloadUrlRequest) -> dict[str, str]:
        client = boto3.client("s3", **arguments(credentials), config=CONFIG)
        parameters = {"Bucket": BUCKET, "Key": body.key}
        url = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=900)
        return {"url": url}

    return app


class Batch(StrictRequest):
    """As anybody would write it; ours looks its items over by itself."""

    items: list[DownloadUrlRequest]


def naive(token: int) -> ASGIApp:
    """As one would write it next: async, with one client for all requests."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with aioboto3_client(some_credentials(token)) as client:
            yield {"client": client}

    app = FastAPI(lifespan=lifespan)

    async def sign(request: Request, key: str) -> str:
        url: str = await request.state.client.generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=900
        )
        return url

    @app.post("/v1/download-urls")
    async def create_download_url(request: Request, body: DownloadUrlRequest) -> dict[str, str]:
        return {"url": await sign(request, body.key)}

    @app.post("/v1/download-urls/batch")
    async def create_batch(request: Request, body: Batch) -> dict[str, list[str]]:
        return {"urls": [await sign(request, item.key) for item in body.items]}

    return app


APPS: Final[dict[str, Callable[[int], ASGIApp]]] = {
    "hello": hello,
    "raw": raw,
    "article": article,
    "naive": naive,
}


def main() -> None:
    name, token, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    uvicorn.run(
        APPS[name](token),
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
