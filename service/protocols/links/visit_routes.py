"""`/l/{ticket}`: share links, for people and tools that have nothing but an address."""

from typing import Final

from fastapi import APIRouter, Response
from pydantic import MISSING

from service.access.callers import Identity
from service.access.grants import Operation
from service.access.key_prefixes import new_object_key
from service.api.body import MAX_BODY_BYTES, parse
from service.api.discarding import discard_body
from service.api.problems import response
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest, JsonBytesResponse
from service.api.schemas import Size, StrictRequest, Text
from service.errors import Forbidden, InvalidRequest, NotFound, PresignError
from service.presigning.downloads import get_object
from service.presigning.requests import PresignRequest
from service.protocols.links.link import Link
from service.protocols.links.pages import drop_box_page, file_name, redeem_page, refusal_page
from service.protocols.links.visits import LinkVisits, OpenLink
from service.protocols.redirects import Redirect, put_request, sign
from service.protocols.url_paths import decode
from service.sessions.lifetime import Lifetime
from service.signing.actions import GetObject, HeadObject
from service.signing.redirected_put import RedirectedPut

PATH: Final = "/l/"
_ROUTE: Final = f"{PATH}{{path:path}}"
_SEE_OTHER: Final = 303  # a GET after the page's POST: RFC 9110, 15.4.4
_ROBOTS: Final = (b"x-robots-tag", b"noindex")
_HEAD: Final = HeadObject()
_TOO_LARGE: Final = "A drop box takes no larger file."


class LinkRequest(AuthenticatedRequest):
    """A request for a link, whose ticket `LinkRoute.identity` has opened."""

    opened: OpenLink


class LinkRoute(ApiRoute):
    """Authenticates by the ticket in the path: the caller is the link's maker."""

    request_class = LinkRequest

    async def identity(self, call: AuthenticatedRequest) -> Identity:
        assert isinstance(call, LinkRequest)
        visits = call.parts.use_case(LinkVisits)
        # The router decodes paths, so `/l%2F…` gets here too. In the raw path it has no ticket.
        text = call.scope["raw_path"].removeprefix(PATH.encode()).partition(b"/")[0]
        try:
            call.opened = visits.open(text.decode("latin-1"))
        except NotFound:  # like a failed authentication, of which there are few lines
            await call.record_unauthenticated(self)
            raise
        return call.opened.maker

    async def respond(self, call: AuthenticatedRequest) -> Response:
        try:
            response = await super().respond(call)
        except Forbidden:  # the grant was withdrawn: as unknown as a forged ticket
            response = _refusal(call, _unknown())
        except PresignError as error:
            response = _refusal(call, error)
        response.raw_headers.append(_ROBOTS)
        return response


router = APIRouter(route_class=LinkRoute, include_in_schema=False)


class NewFile(StrictRequest):
    """What the page of a drop box says about a file that it is going to upload."""

    name: Text
    content_length: Size
    content_type: Text | MISSING = MISSING


@router.api_route(_ROUTE, methods=["GET", "HEAD", "PUT", "POST"])
async def share_link(call: LinkRequest) -> Response:
    """Redirect to the store, or show the page of the link.

    A query has no meaning: sites add parameters to links that are passed on there.
    """
    visits = call.parts.use_case(LinkVisits)
    opened = call.opened
    call.requester.link_id = opened.ticket.id
    lifetime = await _check(call, opened)
    below = _below(call.scope["raw_path"])
    if opened.ticket.link.operation is Operation.UPLOAD:
        response = await _upload(call, visits, opened.ticket.link, below, lifetime)
    else:
        response = await _download(call, visits, opened, below, lifetime)
    await _check(call, opened)  # it may have ended while a body came, or a session
    return response


async def _check(call: AuthenticatedRequest, opened: OpenLink) -> Lifetime:
    visits = call.parts.use_case(LinkVisits)
    try:
        return visits.check(opened, call.authorizer.snapshot)
    except PresignError as refusal:
        await _record(call, refusal)
        raise


async def _download(
    call: AuthenticatedRequest,
    visits: LinkVisits,
    opened: OpenLink,
    below: str | None,
    lifetime: Lifetime,
) -> Response:
    link = opened.ticket.link
    key = _key(link, below)
    is_counted = link.max_uses is not None
    if call.method == "PUT" or (call.method == "POST" and not is_counted):
        return _not_allowed(call, link)
    shows_button = is_counted and call.method == "GET" and _is_browser(call)
    try:
        await visits.count(opened, only_look=shows_button or call.method == "HEAD")
    except PresignError as refusal:
        await _record(call, refusal)
        raise
    if shows_button:
        return redeem_page(link, call.authorizer.snapshot)
    action = _action(link, call.method)
    request = PresignRequest(
        operation=Operation.DOWNLOAD,
        bucket=link.bucket,
        key=key,
        action=action,
        lifetime=lifetime,
    )
    signed = await sign(call.presigner, call.requester, request)
    return Redirect(signed.url, _SEE_OTHER) if call.method == "POST" else Redirect(signed.url)


def _below(path: bytes) -> str | None:
    """Return what follows `/l/{ticket}/`, decoded; None if there is no slash after the ticket."""
    after_ticket = path.split(b"/", 3)[3:]
    return decode(after_ticket[0]) if after_ticket else None


def _key(link: Link, below: str | None) -> str:
    """Return the key of the object to download. Raises NotFound where the link has none."""
    if link.is_prefix and below:
        return link.key + below
    if not link.is_prefix and below is None:
        return link.key
    raise _unknown()


def _action(link: Link, method: str) -> GetObject | HeadObject:
    match method:
        case "HEAD":
            return _HEAD
        case "POST":  # always a download: the page stays, and its button works again
            return get_object(None, None, "attachment", file_name(link), None)
    return get_object(None, None, None, link.filename, None)


async def _upload(
    call: AuthenticatedRequest,
    visits: LinkVisits,
    link: Link,
    below: str | None,
    lifetime: Lifetime,
) -> Response:
    """A drop box: each file gets a new key."""
    match call.method:
        case "PUT" if below and "/" not in below:
            closing = await discard_body(call)
            key = new_object_key(link.key, below, visits.unique_id)
            headers = call.scope["headers"]
            request = put_request(link.bucket, key, headers, lifetime, new_key=True)
            signed = await sign(call.presigner, call.requester, request, too_large=_TOO_LARGE)
            return Redirect(signed.url, more=closing)
        case "PUT":
            raise InvalidRequest("Add a slash and a file name without slashes to the link.")
        case "POST" if not below:
            file = parse(NewFile, await call.read(MAX_BODY_BYTES))
            request = _page_upload(link, file, visits, lifetime)
            signed = await sign(call.presigner, call.requester, request, too_large=_TOO_LARGE)
            return JsonBytesResponse(render_request(signed), 200)
        case "GET" | "HEAD" if below is None:
            grants = call.authorizer.access(call.requester).grants
            return drop_box_page(link, call.authorizer.snapshot, grants)
        case "GET" | "HEAD" if not below:  # a slash, with which the page's links would be wrong
            ticket = call.scope["raw_path"].split(b"/")[2].decode("ascii")
            return Response(status_code=308, headers={"Location": f"../{ticket}"})
    return _not_allowed(call, link)


def _page_upload(
    link: Link, file: NewFile, visits: LinkVisits, lifetime: Lifetime
) -> PresignRequest:
    key = new_object_key(link.key, file.name, visits.unique_id)
    sent = () if file.content_type is MISSING else (("content-type", file.content_type),)
    action = RedirectedPut(content_length=file.content_length, sent=sent, new_key=True)
    return PresignRequest(
        operation=Operation.UPLOAD,
        bucket=link.bucket,
        key=key,
        action=action,
        lifetime=lifetime,
    )


async def _record(call: AuthenticatedRequest, refusal: PresignError) -> None:
    """Write the line of a refused use.

    Anybody who has a link that is over can cause it, so it does not count against the maker's rate.
    """
    await call.authorizer.audit_trail.record_refused_use(call.requester, _ROUTE, refusal)


def _is_browser(call: AuthenticatedRequest) -> bool:
    return any(
        name == b"accept" and b"text/html" in value.lower() for name, value in call.scope["headers"]
    )


def _refusal(call: AuthenticatedRequest, error: PresignError) -> Response:
    """Return the problem, or its page where a browser shows the answer to a person."""
    request_id: str = call.context.request_id
    refused = call.parts.problems.refusal(error, request_id)
    if not _is_browser(call):
        return refused
    return refusal_page(error, refused, request_id, call.scope["raw_path"])


def _not_allowed(call: AuthenticatedRequest, link: Link) -> Response:
    request_id = call.context.request_id
    members = call.parts.problems.problem(
        "method_not_allowed", "This link does not accept the method.", request_id=request_id
    )
    allowed = ["GET", "HEAD"]
    if link.operation is Operation.UPLOAD or link.max_uses is not None:
        allowed.append("POST")
    if link.operation is Operation.UPLOAD:
        allowed.append("PUT")
    return response(members, {"Allow": ", ".join(allowed)})


def _unknown() -> NotFound:
    return NotFound("No such link.")
