"""The way of a request on the hot path: authenticate, parse, handle, answer with bytes.

FastAPI reads a handler's signature for the document, and would solve it anew for each request, at
three times the price of what the handler does. This route class stands at FastAPI's own extension
point (`get_route_handler`) and calls the handler itself, with the few kinds of arguments that
handlers here have. The document does not notice.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.api.authentication import authenticate
from service.api.bodies import (
    MAX_BATCH_BYTES,
    MAX_BODY_BYTES,
    parse,
    parse_query,
    read_body,
)
from service.audit import Requester
from service.authority import Authority
from service.issuers.verifier import TokenVerifier
from service.multipart import MultipartUploads
from service.object_checks import ObjectChecks
from service.presigner import Presigner

Handler = Callable[..., Awaitable[bytes]]

_NO_CONTENT: Final = 204
_LONG: Final = frozenset({"items", "parts"})  # bodies with one of these have up to 10,000 of them


class Call(Request):
    """A request of a caller who is known."""

    requester: Requester

    @property
    def authority(self) -> Authority:
        authority: Authority = self.app.state.authority
        return authority

    @property
    def presigner(self) -> Presigner:
        presigner: Presigner = self.app.state.presigner
        return presigner

    @property
    def multipart(self) -> MultipartUploads:
        multipart: MultipartUploads = self.app.state.multipart
        return multipart

    @property
    def object_checks(self) -> ObjectChecks:
        checks: ObjectChecks = self.app.state.object_checks
        return checks

    async def identify(self) -> None:
        tokens: TokenVerifier = self.app.state.tokens
        headers = self.scope["headers"]
        identity = await authenticate(headers, self.authority.snapshot, tokens)
        address = self.scope.get("client")
        client = None if address is None else address[0]
        self.requester = Requester(identity, self.scope["state"]["request_id"], client)


class SigningRoute(APIRoute):
    """For handlers `async def name(call: Call, …) -> bytes`, with a `response_model`.

    Beside the call they take what they need: `body: Model`, `query: Annotated[Model, Query()]`, and
    the path's own parameters as strings.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Handler = self.endpoint
        hints = get_type_hints(self.endpoint)
        body: type[BaseModel] | None = hints.get("body")
        query: type[BaseModel] | None = hints.get("query")
        status = self.status_code or 200
        media_type = None if status == _NO_CONTENT else "application/json"

        async def handle(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            await call.identify()
            arguments: dict[str, Any] = dict(call.path_params)
            if query is not None:
                arguments["query"] = parse_query(query, call.scope["query_string"])
            if body is not None:
                arguments["body"] = await _body(call, body)
            return Response(await handler(call, **arguments), status, media_type=media_type)

        return handle


async def _body(call: Call, model: type[BaseModel]) -> BaseModel:
    limit = MAX_BODY_BYTES if _LONG.isdisjoint(model.model_fields) else MAX_BATCH_BYTES
    return parse(model, await read_body(call, limit))
