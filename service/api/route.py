"""Answers a call of the API: authenticate, read the body, parse, handle, respond with bytes.

FastAPI reads a handler's signature for its OpenAPI document. FastAPI would also resolve the
arguments on each request. That costs three times as much as the handler. `ApiRoute` calls the
handler itself, with the few kinds of arguments that handlers here have.

The configuration may change during a request. So the caller is authenticated again after the body
and before the response if there is another snapshot by then. The last time, the audit line may
already say `allowed`, and the caller is refused all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Final, NoReturn, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from service.access.callers import Identity, Rate
from service.api.authentication import SAFE_METHODS, authenticate, refuse_foreign_page
from service.api.body import (
    MAX_BODY_BYTES,
    Body,
    ItemValidationError,
    add_wrong_values,
    awaits_continue,
    declared_length,
    parse,
    parse_query,
    read_rest,
    refuse,
    refuse_encoded,
    too_large,
)
from service.api.limits import BatchSlot
from service.api.parts import Parts
from service.api.request_state import NO_STORE, CallerId, state_of
from service.concurrency.pending import Pending
from service.errors import InvalidRequest, Overloaded, PresignError, RateLimited, Unauthenticated
from service.presigning.requests import Requester, UnreadRequest
from service.presigning.snapshot import Snapshot

Handler = Callable[..., Awaitable[bytes | Response]]

_NO_CONTENT: Final = 204
_OTHER_CALLER: Final = "The credential is another caller's now. Send the request again."


class AuthenticatedRequest(Request):
    """A request that `identify` authenticates, before the handler gets it.

    Until then it has only what the constructor sets. `slot` is there while a long body is answered.
    """

    requester: Requester
    caller_id: CallerId
    snapshot: Snapshot  # that the caller was authenticated with
    slot: BatchSlot
    cache_control = NO_STORE  # of the answer; the handler may set another

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.parts: Parts = scope["app"].parts
        self.context = state_of(scope)
        core = self.parts.core
        self.authorizer, self.presigner = core.authorizer, core.presigner
        self.limits = self.parts.limits
        address = scope.get("client")  # None if the server does not know it
        self.client_host: str | None = None if address is None else address[0]
        if (proxies := self.parts.proxies) is not None and self.client_host is not None:
            self.client_host = proxies.client(self.client_host, scope["headers"])

    def identify(self, route: "ApiRoute") -> Pending:
        """Find out who calls. Raises the refusal of an unknown caller, after its audit line."""
        self.snapshot = self.authorizer.snapshot
        try:
            identity = route.identity(self)
        except PresignError as refusal:
            return self._audit_unauthenticated(route, refusal)
        if not isinstance(identity, Identity):
            return self._identify_by(route, identity)
        self.set_identity(identity)
        return None

    def identify_again(self, route: "ApiRoute") -> Pending:
        """As `identify`, if there is another configuration by now. Refuses another caller, too."""
        return None if self.authorizer.snapshot is self.snapshot else self._identify_again(route)

    async def _identify_again(self, route: "ApiRoute") -> None:
        before = self.caller_id
        if (verification := self.identify(route)) is not None:
            await verification
        if self.caller_id != before:
            await self._audit_unauthenticated(route, Unauthenticated(_OTHER_CALLER))

    async def _identify_by(self, route: "ApiRoute", verified: Awaitable[Identity]) -> None:
        try:
            self.set_identity(await verified)
        except Unauthenticated as refusal:
            await self._audit_unauthenticated(route, refusal)

    def set_identity(self, identity: Identity) -> None:
        self.caller_id = (identity.caller.issuer, identity.caller.subject)
        self.requester = Requester(identity, self.context.request_id, self.client_host)

    async def _audit_unauthenticated(self, route: "ApiRoute", refusal: PresignError) -> NoReturn:
        """Write the audit line of a request whose caller is unknown. Then raise the refusal."""
        trail = self.authorizer.audit_trail
        await trail.record_unauthenticated(self.context.request_id, self.client_host, route.path)
        raise refusal

    async def record_unread(self, route: "ApiRoute", refusal: PresignError) -> None:
        """Write the audit line of a request that was refused before it was read."""
        outcome = (UnreadRequest(route.path), (), refusal)
        await self.authorizer.record(self.requester, [outcome])

    async def read(self, limit: int, *, unknown: CallerId | None = None) -> bytes:
        """Return the whole body, received in a slot for it. The caller is identified again.

        The slot counts for `unknown` while the caller is not known yet. Without a slot, accept only
        a body that has arrived already. Raises BodyTooLarge for a body that is, or claims to be,
        over `limit` bytes, Overloaded, ClientDisconnect, and what `identify` raises.
        """
        if declared_length(self.scope["headers"]) > limit:
            raise too_large(limit)
        bodies, caller_id = self.limits.bodies, unknown or self.caller_id
        try:
            bodies.acquire(caller_id)
        except Overloaded as full:
            if awaits_continue(self.scope["headers"]):  # or `receive` would ask for the body
                raise
            try:
                async with asyncio.timeout(0):
                    body = await read_rest(self.receive, await self.receive(), limit)
            except TimeoutError:
                raise full from None
        else:
            try:
                message = await self.receive()
                found: bytes | None = message.get("body")
                if found is not None and len(found) <= limit and not message.get("more_body"):
                    body = found
                else:
                    body = await read_rest(self.receive, message, limit)
            finally:
                bodies.release(caller_id)
        if unknown is None and (again := self.identify_again(self.scope["route"])) is not None:
            await again
        return body


class JsonBytesResponse(Response):
    """A body of JSON bytes. Starlette's constructor would cost as much as the signature."""

    def __init__(self, body: bytes, status: int) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = []
        if status != _NO_CONTENT:
            length = str(len(body)).encode()
            self.raw_headers = [(b"content-type", b"application/json"), (b"content-length", length)]


class ApiRoute(APIRoute):
    """For handlers `async def name(call: AuthenticatedRequest, …) -> bytes`, or `-> Response`.

    They may also take `body: Model`, `query: Annotated[Model, Query()]` and the path's parameters,
    as strings.
    """

    request_class: ClassVar[type[AuthenticatedRequest]] = AuthenticatedRequest
    # Set where clients know nothing of presign.
    accepts_basic: ClassVar[bool] = False
    says_expired: ClassVar[bool] = False  # of a token, to programs that can get another one

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        self._read_signature()

        async def handle(request: Request) -> Response:
            return await self.respond(self.request_class(request.scope, request.receive))

        return handle

    def identity(self, call: AuthenticatedRequest) -> Identity | Awaitable[Identity]:
        """Return who calls, or what to await for it.

        Both raise Unauthenticated; the call any refusal of a request whose caller is unknown, and
        the wait Overloaded if no keys of the issuer can be fetched.
        """
        headers, tokens = call.scope["headers"], call.parts.tokens
        basic, says_expired = self.accepts_basic, self.says_expired
        return authenticate(headers, call.snapshot, tokens, basic=basic, says_expired=says_expired)

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        """Return the response to a refusal, in the form that the route's clients read."""
        request_id = call.context.request_id
        return call.parts.problems.refusal(error, request_id, basic=self.accepts_basic)

    async def respond(self, call: AuthenticatedRequest) -> Response:
        """Return the response, which may be a refusal."""
        try:
            if (verification := call.identify(self)) is not None:
                await verification
            if self.accepts_basic and call.scope["method"] not in SAFE_METHODS:
                await self._refuse_foreign_page(call)
            call.limits.requests.assign(call.caller_id)
            call.context.caller_id = call.caller_id
            known = self._is_rate_limited and call.limits.refused.knows(call.caller_id)
            if known and (refused := await self._refuse_unread(call)) is not None:
                return refused
            arguments = self._arguments(call)
            if self._body is None:
                answer = await self._handler(call, **arguments)
            else:
                refuse_encoded(call.scope["headers"])
                body = await call.read(self._limit)
                if self._is_batch or len(body) > MAX_BODY_BYTES:
                    answer = await self._answer_long(call, self._body, body, arguments)
                else:
                    parsed = parse(self._body, body)
                    try:
                        answer = await self._handler(call, body=parsed, **arguments)
                    except InvalidRequest as error:
                        add_wrong_values(error, parsed)
                        raise
            if (verification := call.identify_again(self)) is not None:
                await verification
        except PresignError as error:
            self._remember(call, error)
            return self.refusal(call, error.with_traceback(None))  # its frames may refer to it
        call.context.cache_control = call.cache_control  # a refusal never has it
        return answer if isinstance(answer, Response) else JsonBytesResponse(answer, self._status)

    def _arguments(self, call: AuthenticatedRequest) -> dict[str, Any]:
        """Return the handler's arguments but the body. Raises InvalidRequest."""
        arguments: dict[str, Any] = {
            name: call.scope["path_params"][name] for name in self._path_parameters
        }
        if self._query is not None:
            arguments["query"] = parse_query(self._query, call.scope["query_string"])
        return arguments

    async def _answer_long(
        self, call: AuthenticatedRequest, model: type[Body], body: bytes, arguments: dict[str, Any]
    ) -> bytes | Response:
        async with BatchSlot(call.limits.batches, call.caller_id) as call.slot:
            if call.slot.has_waited and await call.is_disconnected():
                raise ClientDisconnect
            parsed = parse(model, body)
            if self._is_batch:
                try:
                    return await self._handler(call, body=parsed, **arguments)
                except ItemValidationError as found:
                    refuse(found.model, found.error, body, found.location)
                except InvalidRequest as error:
                    add_wrong_values(error, parsed)
                    raise
        # A list of parts. Its handler waits for the store, so it runs without a slot.
        return await self._handler(call, body=parsed, **arguments)

    async def _refuse_foreign_page(self, call: AuthenticatedRequest) -> None:
        """Raises ForeignOrigin or UnsupportedMediaType, after its audit line."""
        try:
            refuse_foreign_page(call.scope, call.parts.cors_origins)
        except PresignError as error:
            await call.record_unread(self, error)
            raise

    async def _refuse_unread(self, call: AuthenticatedRequest) -> Response | None:
        """Return the refusal, after its audit line, if the rate has just refused the caller."""
        length = declared_length(call.scope["headers"])
        error = call.limits.refused.refusal_for(call.caller_id, _rate_of(call), length)
        if error is None:
            return None
        await call.record_unread(self, error)
        return self.refusal(call, error)

    def _remember(self, call: AuthenticatedRequest, error: PresignError) -> None:
        if isinstance(error, RateLimited) and (rate := _rate_of(call)) is not None:
            length = declared_length(call.scope["headers"])
            call.limits.refused.add(call.caller_id, rate, error, length=length)

    def _read_signature(self) -> None:
        hints = get_type_hints(self.endpoint)
        body: type[Body] | None = hints.get("body")
        self._handler: Handler = self.endpoint
        self._body = body
        self._limit = MAX_BODY_BYTES if body is None else body.max_body_bytes
        self._is_batch = body is not None and body.is_batch
        self._path_parameters = [name for name in self.param_convertors if name in hints]
        self._query: type[BaseModel] | None = hints.get("query")
        self._is_rate_limited = "body" in hints or "query" in hints
        self._status = self.status_code or 200


def _rate_of(call: AuthenticatedRequest) -> Rate | None:
    return call.snapshot.access(call.requester.identity).rate
