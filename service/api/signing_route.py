"""The way of a request on the hot path: authenticate, parse, handle, answer with bytes.

FastAPI reads a handler's signature for the document, and would solve it anew for each request, at
three times the price of what the handler does. This route class calls the handler itself, with the
few kinds of arguments that handlers here have. The document does not notice.

A request finds its route in one of two ways: through FastAPI's router, which hands it over at its own
extension point (`get_route_handler`), or past it all (`shortcut.py`). `respond` is what both do then.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.api.authentication import authenticate
from service.api.bodies import (
    Body,
    OtherShape,
    parse,
    parse_query,
    read_body,
    refuse,
)
from service.audit import Requester
from service.authority import Authority
from service.issuers.verifier import TokenVerifier
from service.multipart import MultipartUploads
from service.object_checks import ObjectChecks
from service.presigner import Presigner

Handler = Callable[..., Awaitable[bytes]]

_NO_CONTENT: Final = 204


class Call(Request):
    """A request of a caller who is known."""

    requester: Requester
    authority: Authority
    presigner: Presigner

    @property
    def multipart(self) -> MultipartUploads:
        multipart: MultipartUploads = self.app.state.multipart
        return multipart

    @property
    def object_checks(self) -> ObjectChecks:
        checks: ObjectChecks = self.app.state.object_checks
        return checks

    async def identify(self) -> None:
        scope = self.scope
        state = scope["app"].state
        self.authority, self.presigner = state.authority, state.presigner
        tokens: TokenVerifier = state.tokens
        identity = await authenticate(scope["headers"], self.authority.snapshot, tokens)
        address = scope.get("client")
        client = None if address is None else address[0]
        self.requester = Requester(identity, scope["state"]["request_id"], client)


class Rendered(Response):
    """Bytes that are JSON already. Starlette's own constructor costs as much as the signature."""

    def __init__(self, body: bytes, status: int) -> None:
        self.status_code, self.body, self.background = status, body, None
        length = str(len(body)).encode()
        self.raw_headers = (
            []
            if status == _NO_CONTENT
            else [(b"content-type", b"application/json"), (b"content-length", length)]
        )


class SigningRoute(APIRoute):
    """For handlers `async def name(call: Call, …) -> bytes`, with a `response_model`.

    Beside the call they take what they need: `body: Model`, `query: Annotated[Model, Query()]`, and
    the path's own parameters as strings.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        self._read_signature()

        async def handle(request: Request) -> Response:
            return await self.respond(Call(request.scope, request.receive))

        return handle

    async def respond(self, call: Call) -> Response:
        """The answer; a refusal is raised."""
        await call.identify()
        if self._takes_body_only and self._body is not None:
            return Rendered(await self._handle(call, self._body, {}), self._status)
        arguments: dict[str, Any] = dict(call.path_params)
        if self._query is not None:
            arguments["query"] = parse_query(self._query, call.scope["query_string"])
        if self._body is not None:
            return Rendered(await self._handle(call, self._body, arguments), self._status)
        return Rendered(await self._handler(call, **arguments), self._status)

    async def _handle(self, call: Call, model: type[Body], more: dict[str, Any]) -> bytes:
        body = await read_body(call, model.max_body_bytes)
        parsed = parse(model, body)
        try:
            return await self._handler(call, body=parsed, **more)
        except OtherShape as found:
            refuse(found.error, body, found.location)

    def _read_signature(self) -> None:
        hints = get_type_hints(self.endpoint)
        body: type[Body] | None = hints.get("body")
        self._handler: Handler = self.endpoint
        self._body = body
        self._query: type[BaseModel] | None = hints.get("query")
        self._takes_body_only = hints.keys() == {"call", "body", "return"}
        self._status = self.status_code or 200
