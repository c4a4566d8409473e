"""`/caches/{name}/…`: build caches for the unmodified Turborepo and Nx. Off unless configured.

github.com/vercel/turborepo: crates/turborepo-api-client/src/lib.rs
nx.dev/docs/guides/tasks--caching/self-hosted-caching: "Build your own caching server"
"""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import Field
from pydantic_core import to_json

from service.access.callers import Identity
from service.api.authentication import bearer
from service.api.body import MAX_BODY_BYTES, OpenBody, declared_length, parse, refuse_encoded
from service.api.discarding import discard_body
from service.api.parts import Core
from service.api.route import ApiRoute, AuthenticatedRequest
from service.clock import rfc3339
from service.errors import (
    BodyTooLarge,
    LengthRequired,
    NotFound,
    ObjectExists,
    PresignError,
)
from service.protocols.build_caches import refusals
from service.protocols.build_caches.addresses import Address, Resource, parse_address, program_of
from service.protocols.build_caches.artifacts import Artifacts
from service.protocols.build_caches.caches import BuildCaches
from service.protocols.build_caches.lookups import Lookups
from service.protocols.build_caches.places import Artifact, Cache, Caches, Program
from service.protocols.redirects import Redirect
from service.protocols.served import Served
from service.signing.actions import MAX_UPLOAD_BYTES, GetObject, HeadObject

PATH: Final = "/caches"
MAX_HASHES: Final = 100  # of one request
MAX_EVENTS_BYTES: Final = 1024**2
_READS: Final[Mapping[str, GetObject | HeadObject]] = {"GET": GetObject(), "HEAD": HeadObject()}
_ASKED_METHOD: Final = "access-control-request-method"


class HashesBody(OpenBody):
    hashes: Annotated[list[str], Field(max_length=MAX_HASHES, fail_fast=True)]


class CacheRoute(ApiRoute):
    """Accepts keys, tokens and tickets, and refuses in the form that each program reads."""

    says_expired = True

    def identity(self, call: AuthenticatedRequest) -> Identity | Awaitable[Identity]:
        text, path = bearer(call.scope["headers"]), _path(call)
        name = path.partition(b"/")[0].decode("latin-1")
        if text is not None and program_of(path) is not None:  # a ticket makes no ticket
            found = call.parts.use_case(BuildCaches).caller_of(call.snapshot, name, text)
            if found is not None:
                return found
        return super().identity(call)

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        request_id, method = call.context.request_id, call.method
        match program_of(_path(call)):
            case Program.TURBOREPO:
                return refusals.of_turborepo(error, request_id, method)
            case Program.NX:
                return refusals.of_nx(error, request_id, method)
        return super().refusal(call, error)


router = APIRouter(prefix=PATH, route_class=CacheRoute, include_in_schema=False)


@router.api_route("/{path:path}", methods=["GET", "HEAD", "PUT", "POST", "OPTIONS"])
async def build_cache(call: AuthenticatedRequest) -> Response:
    caches = call.parts.use_case(BuildCaches)
    address = parse_address(_path(call), call.method)
    match address.resource:
        case Resource.ARTIFACT:
            return await _of_artifact(call, caches, address)
        case Resource.ARTIFACTS:
            return await _sizes(call, caches, address)
        case Resource.EVENTS:
            return await _events(call, caches)
        case Resource.STATUS:
            return _status(call, caches, address)
    return await _ticket(call, caches, address)


async def _of_artifact(
    call: AuthenticatedRequest, caches: BuildCaches, address: Address
) -> Response:
    match call.method, address.program:
        case "OPTIONS", _:
            return await _preflight(call, caches, address)
        case "PUT", Program.NX:
            return await _upload(call, caches, address)
        case "PUT", _:
            return await _refuse_upload(call, caches, address)
    artifact = await _artifact(call, caches, address)
    return Redirect(await caches.artifacts.read(call.requester, artifact, _READS[call.method]))


async def _upload(call: AuthenticatedRequest, caches: BuildCaches, address: Address) -> Response:
    """Nx sends its upload to the address that it is redirected to."""
    closing = await discard_body(call)
    artifact = await _artifact(call, caches, address)
    work = partial(_length, call)
    length = await caches.authorizer.audit_refusal_of(call.requester, _route(call), work)
    url = await caches.artifacts.write(call.requester, artifact, length)
    return Redirect(url, more=closing)


async def _preflight(call: AuthenticatedRequest, caches: BuildCaches, address: Address) -> Response:
    """Turborepo asks by a preflight where to send a request."""
    if "origin" in call.headers:  # a browser's, and no origin of `cors_origins`
        raise NotFound("No such resource.")
    artifact = await _artifact(call, caches, address)
    match call.headers.get(_ASKED_METHOD):
        case "PUT":
            return refusals.go_to(await caches.artifacts.write(call.requester, artifact, None))
        case "GET" | "HEAD" as method:
            action = _READS[method]
            return refusals.go_to(await caches.artifacts.read(call.requester, artifact, action))
    return refusals.come_here()


async def _refuse_upload(
    call: AuthenticatedRequest, caches: BuildCaches, address: Address
) -> Response:
    """Turborepo sends its upload here if the preflight had no address for it."""
    closing = await discard_body(call)
    artifact = await _artifact(call, caches, address)
    try:
        await caches.artifacts.refuse_upload(call.requester, artifact)
    except ObjectExists:
        return Response(b'{"urls":[]}', media_type="application/json", headers=closing)


async def _sizes(call: AuthenticatedRequest, caches: BuildCaches, address: Address) -> Response:
    if call.method == "OPTIONS":
        return refusals.come_here()

    async def read() -> tuple[Cache, list[Artifact]]:
        refuse_encoded(call.scope["headers"])
        body = parse(HashesBody, await call.read(MAX_BODY_BYTES))
        cache = caches.configured.find(address.cache)
        distinct = dict.fromkeys(body.hashes)
        return cache, [Artifact(cache, Program.TURBOREPO, each) for each in distinct]

    asked = await caches.authorizer.audit_refusal_of(call.requester, _route(call), read)
    sizes = await caches.artifacts.sizes(call.requester, *asked)
    found = {
        name: None if size is None else {"size": size, "taskDurationMs": 0}
        for name, size in sizes.items()
    }
    return Response(to_json(found), media_type="application/json")


async def _events(call: AuthenticatedRequest, caches: BuildCaches) -> Response:
    """Turborepo tells what it found in the cache. Nobody counts it here."""
    _ = caches.configured
    if call.method == "OPTIONS":
        return refusals.come_here()
    await call.read(MAX_EVENTS_BYTES)
    return Response(status_code=200)


def _status(call: AuthenticatedRequest, caches: BuildCaches, address: Address) -> Response:
    cache = caches.configured.find(address.cache)
    may_read = caches.artifacts.lookups.may_read(call.requester, cache, [Program.TURBOREPO])
    status = {"status": "enabled" if may_read else "disabled"}
    return Response(to_json(status), media_type="application/json")


async def _ticket(call: AuthenticatedRequest, caches: BuildCaches, address: Address) -> Response:
    cache = caches.configured.find(address.cache)
    made = await caches.make_ticket(call.requester, cache)
    body = to_json({"token": made.token, "expires_at": rfc3339(made.expires_at)})
    return Response(body, 201, media_type="application/json")


async def _artifact(call: AuthenticatedRequest, caches: BuildCaches, address: Address) -> Artifact:
    """Return the artifact that the path names. A hash that is none is in the audit trail."""
    cache = caches.configured.find(address.cache)

    async def read() -> Artifact:
        return Artifact(cache, address.program or Program.NX, address.hash)

    return await caches.authorizer.audit_refusal_of(call.requester, _route(call), read)


async def _length(call: AuthenticatedRequest) -> int:
    if "content-length" not in call.headers:
        raise LengthRequired("Send the artifact's Content-Length, and not chunked.")
    if (length := declared_length(call.scope["headers"])) > MAX_UPLOAD_BYTES:
        raise BodyTooLarge(f"An artifact has at most {MAX_UPLOAD_BYTES} bytes.")
    return length


def _path(call: AuthenticatedRequest) -> bytes:
    """Return the path below `/caches/` as it was sent."""
    path: bytes = call.scope["raw_path"]
    return path.removeprefix(f"{PATH}/".encode())


def _route(call: AuthenticatedRequest) -> str:
    route: str = call.scope["route"].path
    return route


def _build_caches(core: Core, values: Caches | None) -> BuildCaches:
    artifacts = Artifacts(Lookups(core.authorizer, core.store), core.presigner)
    return BuildCaches(values, artifacts, core.authorizer, core.clock)


SERVED: Final = Served(
    use_case=_build_caches,
    routers=(router,),
    feature="build caches",
)
