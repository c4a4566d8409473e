"""The way of a request on the hot path: authenticate, parse, handle, answer with bytes.

FastAPI reads a handler's signature for the document, and would solve it anew for each request, at
three times the price of what the handler does. This route class stands at FastAPI's own extension
point (`get_route_handler`) and calls the handler itself, with the two arguments that every handler
here has: the call, and its body. The document does not notice.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.access.grants import Caller
from service.api.authentication import authenticate
from service.api.bodies import MAX_BATCH_BYTES, MAX_BODY_BYTES, parse, read_body
from service.presigner import Presigner

Handler = Callable[["Call", Any], Awaitable[bytes]]


class Call(Request):
    """A request of a caller who is known."""

    caller: Caller

    @property
    def presigner(self) -> Presigner:
        presigner: Presigner = self.app.state.presigner
        return presigner


class SigningRoute(APIRoute):
    """For handlers `async def name(call: Call, body: Model) -> bytes`, with a `response_model`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Handler = self.endpoint
        model: type[BaseModel] = get_type_hints(self.endpoint)["body"]
        limit = MAX_BATCH_BYTES if "items" in model.model_fields else MAX_BODY_BYTES

        async def handle(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            call.caller = authenticate(call.scope["headers"], call.presigner.snapshot)
            body = parse(model, await read_body(call, limit))
            return Response(await handler(call, body), media_type="application/json")

        return handle
