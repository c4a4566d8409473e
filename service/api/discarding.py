"""Bodies that clients send here although they are meant for the store.

Most clients send the body before they read that they are redirected. A short one is read and
dropped. All others are left to the server, which sends the response, drops what still arrives for a
moment, and closes the connection.
"""

from starlette.requests import ClientDisconnect, Request

from service.api.body import MAX_DISCARDED_BYTES, declared_length
from service.api.limits import REQUEST_OWNER, ConcurrencyLimiter
from service.errors import Overloaded

_EXPECTS = (b"expect", b"100-continue")


async def discard_body(request: Request, limit: int = MAX_DISCARDED_BYTES) -> None:
    """Read and drop the request's body.

    Reads nothing if the client waits to be asked for the body (`Expect: 100-continue`), if the body
    has more than `limit` bytes or no declared length, or if too many bodies are being received.
    Raises ClientDisconnect.
    """
    headers = request.scope["headers"]
    waits = any((name, value.lower()) == _EXPECTS for name, value in headers)
    if waits or not 0 < declared_length(headers) <= limit:
        return
    bodies: ConcurrencyLimiter = request.app.state.shared.bodies
    owner = request.scope["state"].get(REQUEST_OWNER)
    try:
        bodies.acquire(owner)
    except Overloaded:
        return
    try:
        await _drop(request)
    finally:
        bodies.release(owner)


async def _drop(request: Request) -> None:
    more, discarded = True, request.app.state.metrics.body_discarded
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        discarded(len(message.get("body", b"")))
        more = message.get("more_body", False)
