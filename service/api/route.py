"""How a call of the API is answered: authenticate, read the body, parse, handle, respond with bytes.

FastAPI reads a handler's signature for its OpenAPI document, and would build the arguments again for each
request, at three times the cost of the handler. `ApiRoute` calls the handler itself, with the few kinds
of arguments that handlers here have.

The configuration may change while a request is under way. So the caller is authenticated again after
the body and before the answer if there is another snapshot by then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from service.access.callers import Rate
from service.api.authentication import authenticate
from service.api.batch_queue import Turn
from service.api.body import (
    MAX_BODY_BYTES,
    Body,
    ItemValidationError,
    declared_length,
    parse,
    parse_query,
    read_body,
    refuse,
)
from service.api.concurrency import REQUEST_OWNER, Owner
from service.api.shared_limits import SharedLimits
from service.auth.token_verifier import TokenVerifier
from service.errors import Overloaded, RateLimited, Unauthenticated
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.audit import Requester
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.snapshot import Snapshot

Handler = Callable[..., Awaitable[bytes]]

_NO_CONTENT: Final = 204


class AuthenticatedRequest(Request):
    """A request of a caller who is known."""

    requester: Requester
    authorizer: Authorizer
    presigner: Presigner
    shared: SharedLimits
    owner: Owner
    snapshot: Snapshot  # by which it is known who calls
    turn: Turn  # of a batch

    @property
    def multipart(self) -> MultipartUploads:
        multipart: MultipartUploads = self.app.state.multipart
        return multipart

    @property
    def object_checks(self) -> ObjectChecks:
        checks: ObjectChecks = self.app.state.object_checks
        return checks

    async def identify(self, route: str) -> None:
        """Raises Unauthenticated once that is in the trail. `route` is the path's template."""
        scope = self.scope
        state, request_id = scope["app"].state, scope["state"]["request_id"]
        self.authorizer, self.presigner = state.authorizer, state.presigner
        self.shared = state.shared
        self.snapshot = self.authorizer.snapshot
        tokens: TokenVerifier = state.tokens
        address = scope.get("client")
        client = None if address is None else address[0]
        try:
            identity = await authenticate(scope["headers"], self.snapshot, tokens)
        except Unauthenticated:
            await self.authorizer.record_unauthenticated(request_id, client, route)
            raise
        self.owner = (identity.caller.issuer, identity.caller.subject)
        self.requester = Requester(identity, request_id, client)


class JsonBytesResponse(Response):
    """Bytes that are JSON already. Starlette's own constructor costs as much as the signature."""

    def __init__(self, body: bytes, status: int) -> None:
        self.status_code, self.body, self.background = status, body, None
        length = str(len(body)).encode()
        self.raw_headers = (
            []
            if status == _NO_CONTENT
            else [(b"content-type", b"application/json"), (b"content-length", length)]
        )


class ApiRoute(APIRoute):
    """For handlers `async def name(call: Call, …) -> bytes`, with a `response_model`.

    Beside the call they take what they need: `body: Model`, `query: Annotated[Model, Query()]`, and
    the path's own parameters as strings.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        self._read_signature()

        async def handle(request: Request) -> Response:
            return await self.respond(AuthenticatedRequest(request.scope, request.receive))

        return handle

    async def respond(self, call: AuthenticatedRequest) -> Response:
        """The answer; a refusal is raised."""
        await call.identify(self.path)
        shared, owner = call.shared, call.owner
        shared.limiter.assign(owner)
        call.scope["state"][REQUEST_OWNER] = owner
        if self._counts and shared.refused.knows(owner):
            await self._refuse_unread(call)
        try:
            if self._takes_body_only and self._body is not None:
                answer = await self._handle(call, self._body, {})
            else:
                answer = await self._handle_parameters(call)
        except RateLimited as error:
            self._remember(call, error)
            raise
        if call.authorizer.snapshot is not call.snapshot:
            await call.identify(self.path)
        return JsonBytesResponse(answer, self._status)

    async def _handle_parameters(self, call: AuthenticatedRequest) -> bytes:
        arguments: dict[str, Any] = dict(call.path_params)
        if self._query is not None:
            arguments["query"] = parse_query(self._query, call.scope["query_string"])
        if self._body is not None:
            return await self._handle(call, self._body, arguments)
        return await self._handler(call, **arguments)

    async def _handle(
        self, call: AuthenticatedRequest, model: type[Body], more: dict[str, Any]
    ) -> bytes:
        bodies = call.shared.bodies
        try:
            bodies.acquire(call.owner)
        except Overloaded as full:
            body = await self._read_at_once(call, full)
        else:
            try:
                body = await read_body(call, self._limit)
            finally:
                bodies.release(call.owner)
        if call.authorizer.snapshot is not call.snapshot:
            await call.identify(self.path)
        if self._is_long:
            return await self._handle_long(call, model, body, more)
        return await self._handler(call, body=parse(model, body), **more)

    async def _read_at_once(self, call: AuthenticatedRequest, full: Overloaded) -> bytes:
        """While too many bodies are on their way, only one that is here already is taken."""
        try:
            async with asyncio.timeout(0):
                return await read_body(call, self._limit)
        except TimeoutError:
            raise full from None

    async def _handle_long(
        self, call: AuthenticatedRequest, model: type[Body], body: bytes, more: dict[str, Any]
    ) -> bytes:
        async with call.shared.batches.turn(call.owner) as call.turn:
            if call.turn.has_waited and await call.is_disconnected():
                raise ClientDisconnect
            parsed = parse(model, body)
            if self._is_batch:
                try:
                    return await self._handler(call, body=parsed, **more)
                except ItemValidationError as found:
                    refuse(found.error, body, found.location)
        return await self._handler(call, body=parsed, **more)  # parts, which wait for the store

    async def _refuse_unread(self, call: AuthenticatedRequest) -> None:
        """Raises RateLimited, once it is in the trail, where the caller's rate has just refused it."""
        length = declared_length(call.scope["headers"])
        try:
            call.shared.refused.check(call.owner, _rate_of(call), length)
        except RateLimited as error:
            await call.authorizer.record_unread(call.requester, self.path, error)
            raise

    def _remember(self, call: AuthenticatedRequest, error: RateLimited) -> None:
        if (rate := _rate_of(call)) is not None:
            length = declared_length(call.scope["headers"])
            call.shared.refused.add(call.owner, rate, error, length=length, batch=self._is_batch)

    def _read_signature(self) -> None:
        hints = get_type_hints(self.endpoint)
        body: type[Body] | None = hints.get("body")
        self._handler: Handler = self.endpoint
        self._body = body
        self._limit = MAX_BODY_BYTES if body is None else body.max_body_bytes
        self._is_long = self._limit > MAX_BODY_BYTES
        self._is_batch = body is not None and body.is_batch
        self._query: type[BaseModel] | None = hints.get("query")
        self._counts = "body" in hints or "query" in hints  # against the caller's rate
        self._takes_body_only = hints.keys() == {"call", "body", "return"}
        self._status = self.status_code or 200


def _rate_of(call: AuthenticatedRequest) -> Rate | None:
    return call.authorizer.access(call.requester).rate
