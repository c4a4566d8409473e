"""The demo's own hook: it verifies each request, and prints what has arrived."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from service.api.body import read_rest
from service.errors import BodyTooLarge
from service.protocols.arrivals.hooks import key_of, signed_headers

PATH: Final = "/demo/uploads"
_SECRET_BYTES: Final = 32
_MAX_BODY_BYTES: Final = 64 * 1024  # a key of 1 KiB takes some 6 KiB as JSON
_OLDEST_SECONDS: Final = 300
_WORDS: Final = {"object.created": "arrived", "object.removed": "removed"}


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def hook_of(
    secret: str, *, wall: Callable[[], float], show: Callable[[str, str], object]
) -> APIRouter:
    """Return the route of the hook. `show` gets the time of an event, and what happened."""
    router = APIRouter(include_in_schema=False)

    @router.post(PATH)
    async def uploads(request: Request) -> Response:
        try:
            body = await read_rest(request.receive, await request.receive(), _MAX_BODY_BYTES)
        except BodyTooLarge:
            return Response(status_code=413)
        if not is_signed(request.headers, body, secret, now=wall()):
            return Response(status_code=401)
        event = json.loads(body)
        show(event["timestamp"], _words(event))
        return Response(status_code=204)

    return router


def is_signed(headers: Mapping[str, str], body: bytes, secret: str, *, now: float) -> bool:
    """Return whether a request was signed with the secret, less than five minutes ago."""
    signed_at = headers.get("webhook-timestamp", "")
    if not signed_at.isascii() or not signed_at.isdecimal() or len(signed_at) > len(str(int(now))):
        return False
    if abs(now - int(signed_at)) > _OLDEST_SECONDS:
        return False
    event_id = headers.get("webhook-id", "")
    expected = signed_headers([key_of(secret)], event_id, body, now=int(signed_at))
    found = headers.get("webhook-signature", "").encode()
    return hmac.compare_digest(found, expected["webhook-signature"].encode())


def _words(event: Mapping[str, Any]) -> str:
    data = event["data"]
    name = json.dumps(f"{data['bucket']}/{data['key']}")
    size = f", {data['size']} bytes" if event["type"] == "object.created" else ""
    return f"{_WORDS[event['type']]} {name}{size}"
