"""Bodies that clients send here although they are meant for the store.

Most clients send the body before they read that they are redirected. A short one is read and
dropped. A long one is left to the server: it sends the response, reads and drops what comes in the
next two seconds, so that the client sees the response and no reset, and closes the connection.
"""

from typing import Final

from starlette.requests import ClientDisconnect, Request

from service.api.body import awaits_continue, declared_length
from service.api.parts import Parts
from service.api.request_state import state_of
from service.errors import Overloaded
from service.telemetry.metrics import Metrics

MAX_DISCARDED_BYTES: Final = 1024**2


async def discard_body(request: Request, limit: int = MAX_DISCARDED_BYTES) -> dict[str, str]:
    """Read and drop the request's body. Return the headers that the response must have.

    If the body has more than `limit` bytes or no declared length, or the client waits to be asked
    for it (`Expect: 100-continue`), this reads nothing and returns `Connection: close`. It also
    reads nothing while too many bodies are being received. Raises ClientDisconnect.
    """
    headers = request.scope["headers"]
    is_chunked = any(name == b"transfer-encoding" for name, _ in headers)
    if is_chunked or awaits_continue(headers) or declared_length(headers) > limit:
        return {"connection": "close"}
    parts: Parts = request.app.parts
    bodies, caller_id = parts.limits.bodies, state_of(request.scope).caller_id
    try:
        bodies.acquire(caller_id)
    except Overloaded:
        return {}
    try:
        await _drop(request, parts.metrics)
    finally:
        bodies.release(caller_id)
    return {}


async def _drop(request: Request, metrics: Metrics) -> None:
    more, discarded = True, metrics.body_discarded
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        discarded(len(message.get("body", b"")))
        more = message.get("more_body", False)
