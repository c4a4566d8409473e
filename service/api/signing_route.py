"""The way of a request on the hot path: authenticate, parse, handle, answer with bytes.

FastAPI reads a handler's signature for the document, and would solve it anew for each request, at
three times the price of what the handler does. This route class stands at FastAPI's own extension
point (`get_route_handler`) and calls the handler itself, with the two arguments that every handler
here has: the call, and its body if it takes one. The document does not notice.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.api.authentication import authenticate
from service.api.bodies import MAX_BATCH_BYTES, MAX_BODY_BYTES, parse, read_body
from service.audit import Requester
from service.issuers.verifier import TokenVerifier
from service.presigner import Presigner

Handler = Callable[..., Awaitable[bytes]]


class Call(Request):
    """A request of a caller who is known."""

    requester: Requester

    @property
    def presigner(self) -> Presigner:
        presigner: Presigner = self.app.state.presigner
        return presigner

    async def identify(self) -> None:
        tokens: TokenVerifier = self.app.state.tokens
        headers = self.scope["headers"]
        identity = await authenticate(headers, self.presigner.snapshot, tokens)
        address = self.scope.get("client")
        client = None if address is None else address[0]
        self.requester = Requester(identity, self.scope["state"]["request_id"], client)


class SigningRoute(APIRoute):
    """For handlers `async def name(call: Call, body: Model) -> bytes`, with a `response_model`.

    A handler that takes no body has no such argument.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Handler = self.endpoint
        model: type[BaseModel] | None = get_type_hints(self.endpoint).get("body")

        async def handle(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            await call.identify()
            arguments = () if model is None else (await _body(call, model),)
            return Response(await handler(call, *arguments), media_type="application/json")

        return handle


async def _body(call: Call, model: type[BaseModel]) -> BaseModel:
    limit = MAX_BATCH_BYTES if "items" in model.model_fields else MAX_BODY_BYTES
    return parse(model, await read_body(call, limit))
