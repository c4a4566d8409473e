"""`/l/{ticket}`: share links, for people and tools that have nothing but an address."""

from typing import Final

from fastapi import APIRouter, Response
from starlette.types import Receive, Scope

from service.access.callers import Identity
from service.access.grants import Operation
from service.api.body import MAX_BODY_BYTES, parse, refuse_encoded
from service.api.discarding import discard_body
from service.api.problems import response
from service.api.rendering import render_request
from service.api.route import ApiRoute, AuthenticatedRequest, JsonBytesResponse
from service.errors import Forbidden, InvalidRequest, NotFound, PresignError
from service.presigning.downloads import get_object
from service.presigning.requests import PresignRequest
from service.protocols.links.answers import FileMissing
from service.protocols.links.drop_box import NewFile
from service.protocols.links.link import Link
from service.protocols.links.linked_objects import SeenObject
from service.protocols.links.pages import drop_box_page, file_name, file_page, refusal_page
from service.protocols.links.share_links import ShareLinks
from service.protocols.links.tickets import LinkKeys
from service.protocols.links.visits import UNKNOWN, OpenLink
from service.protocols.redirects import Redirect, sign
from service.protocols.url_paths import decode
from service.sessions.lifetime import Lifetime
from service.signing.actions import GetObject, HeadObject

PATH: Final = "/l/"
_ROUTE: Final = f"{PATH}{{path:path}}"
_SEE_OTHER: Final = 303  # a GET after the page's POST: RFC 9110, 15.4.4
_ROBOTS: Final = (b"x-robots-tag", b"noindex")
_HEAD: Final = HeadObject()
_TOO_LARGE: Final = "A drop box takes no larger file."


class Visit(AuthenticatedRequest):
    """A request for a link. `LinkRoute.identity` opens its ticket, and `check` decides about it."""

    opened: OpenLink
    lifetime: Lifetime  # of what the link redirects to

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.links = self.parts.use_case(ShareLinks)
        self.visits, self.presigner = self.links.visits, self.links.presigner

    def set_identity(self, identity: Identity) -> None:
        super().set_identity(identity)
        self.requester.link_id = self.opened.ticket.id

    @property
    def link(self) -> Link:
        return self.opened.ticket.link

    @property
    def link_keys(self) -> LinkKeys:
        """Raises NotFound if links were turned off while a body came."""
        if (values := self.links.links.values) is None:
            raise NotFound(UNKNOWN)
        return values.keys

    @property
    def below(self) -> str | None:
        """The decoded path after `/l/{ticket}/`. None if there is no slash after the ticket."""
        after_ticket = self.scope["raw_path"].split(b"/", 3)[3:]
        return decode(after_ticket[0]) if after_ticket else None

    @property
    def is_browser(self) -> bool:
        return any(
            name == b"accept" and b"text/html" in value.lower()
            for name, value in self.scope["headers"]
        )

    async def check(self) -> None:
        """Check that the link works now, its uses aside. Raises the refusal, after its audit line.

        Anybody who has a link that is over can cause that line, so it does not count against the
        maker's rate.
        """
        try:
            self.lifetime = self.visits.check(self.opened, self.authorizer.snapshot)
        except PresignError as refusal:
            await self._record(refusal)
            raise

    async def use(self, *, only_look: bool = False) -> None:
        """Check as above, then take a use. The link has `max_uses`.

        With `only_look` none is taken. Raises the refusal, after its audit line.
        """
        await self.check()
        try:
            await self.visits.use(self.opened, only_look=only_look)
        except PresignError as refusal:
            await self._record(refusal)
            raise

    async def _record(self, refusal: PresignError) -> None:
        await self.authorizer.audit_trail.record_refused_use(self.requester, _ROUTE, refusal)


class LinkRoute(ApiRoute):
    """Authenticates by the ticket in the path: the caller is the link's maker."""

    request_class = Visit

    def identity(self, call: AuthenticatedRequest) -> Identity:
        assert isinstance(call, Visit)
        # The router decodes paths, so `/l%2F…` gets here too. In the raw path it has no ticket.
        text = call.scope["raw_path"].removeprefix(PATH.encode()).partition(b"/")[0]
        call.opened = call.visits.open_ticket(text.decode("latin-1"))
        return call.opened.maker

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        """Return the problem, or its page where a browser shows the answer to a person."""
        assert isinstance(call, Visit)
        if isinstance(error, Forbidden):  # the grant was withdrawn: as unknown as a forged ticket
            error = NotFound(UNKNOWN)
        response = super().refusal(call, error)
        if call.is_browser:
            path, request_id = call.scope["raw_path"], call.context.request_id
            response = refusal_page(error, response, request_id, path)
        response.raw_headers.append(_ROBOTS)
        return response


router = APIRouter(route_class=LinkRoute, include_in_schema=False)


@router.api_route(_ROUTE, methods=["GET", "HEAD", "PUT", "POST"])
async def share_link(visit: Visit) -> Response:
    """Redirect to the store, or show the page of the link.

    A query has no meaning: sites add parameters to links that are passed on there.
    """
    await visit.check()
    if visit.link.operation is Operation.UPLOAD:
        response = await _upload(visit)
    else:
        response = await _download(visit)
    await visit.check()  # it may have ended while a body came, or a session
    response.raw_headers.append(_ROBOTS)
    return response


async def _download(visit: Visit) -> Response:
    link, method = visit.link, visit.method
    key = _key(link, visit.below)
    is_counted = link.max_uses is not None
    snapshot = visit.authorizer.snapshot  # a later one may not have the bucket
    if method == "PUT" or (method == "POST" and link.is_prefix):
        return _not_allowed(visit)
    shows_button = method == "GET" and not link.is_prefix and _is_for_a_person(visit)
    if is_counted and (shows_button or method in {"HEAD", "POST"}):
        await visit.use(only_look=True)
    if shows_button:
        return file_page(visit.opened.ticket, await _look(visit, key), snapshot)
    if method == "POST" or (method == "GET" and visit.is_browser):
        await _look(visit, key)
    if is_counted and method != "HEAD":
        await visit.use()
    request = PresignRequest(
        operation=link.operation,
        bucket=link.bucket,
        key=key,
        action=_action(link, method),
        lifetime=visit.lifetime,
    )
    signed = await sign(visit.presigner, visit.requester, request)
    return Redirect(signed.url, _SEE_OTHER) if method == "POST" else Redirect(signed.url)


def _is_for_a_person(visit: Visit) -> bool:
    """Whether somebody is going to look at the answer of a link to one file.

    What programs ask for stays as it is, and so does what a page embeds, or goes on with in ranges.
    Only links that count are careful with everything that asks for HTML.
    """
    if visit.link.max_uses is not None:
        return visit.is_browser
    headers = dict(visit.scope["headers"])
    is_navigation = headers.get(b"sec-fetch-dest") == b"document"
    return visit.is_browser and is_navigation and b"range" not in headers


async def _look(visit: Visit, key: str) -> SeenObject:
    """Raises FileMissing: a person does not read the store's XML."""
    objects, bucket = visit.links.objects, visit.link.bucket
    seen = await objects.look(visit.requester, bucket, key, is_counted=False)
    if seen.is_missing:
        raise FileMissing
    return seen


def _key(link: Link, below: str | None) -> str:
    """Return the key of the object to download. Raises NotFound where the link has none."""
    if link.is_prefix and below:
        return link.key + below
    if not link.is_prefix and below is None:
        return link.key
    raise NotFound(UNKNOWN)


def _action(link: Link, method: str) -> GetObject | HeadObject:
    match method:
        case "HEAD":
            return _HEAD
        case "POST":  # always a download: the page stays, and its button works again
            return get_object(disposition="attachment", filename=file_name(link))
    return get_object(filename=link.filename)


async def _upload(visit: Visit) -> Response:
    """A drop box: each file gets a new key."""
    link, below = visit.link, visit.below
    match visit.method:
        case "PUT" if below and "/" not in below:
            closing = await discard_body(visit)
            boxes, headers = visit.links.drop_boxes, visit.scope["headers"]
            request = boxes.put(visit.opened.ticket, below, headers, visit.lifetime)
            signed = await sign(visit.presigner, visit.requester, request, too_large=_TOO_LARGE)
            return Redirect(signed.url, more=closing)
        case "PUT":
            raise InvalidRequest("Add a slash and a file name without slashes to the link.")
        case "POST" if not below:
            refuse_encoded(visit.scope["headers"])
            file = parse(NewFile, await visit.read(MAX_BODY_BYTES))
            await visit.check()  # there may be no such bucket any more
            request = _page_upload(visit, file)
            signed = await sign(visit.presigner, visit.requester, request, too_large=_TOO_LARGE)
            return JsonBytesResponse(render_request(signed), 200)
        case "GET" | "HEAD" if below is None:
            grants = visit.authorizer.access(visit.requester).grants
            new = visit.links.drop_boxes.new_visit(visit.link_keys, visit.opened.ticket.id)
            return drop_box_page(link, new, visit.authorizer.snapshot, grants)
        case "GET" | "HEAD" if not below:  # a slash, with which the page's links would be wrong
            ticket = visit.scope["raw_path"].split(b"/")[2].decode("ascii")
            return Response(status_code=308, headers={"Location": f"../{ticket}"})
    return _not_allowed(visit)


def _page_upload(visit: Visit, file: NewFile) -> PresignRequest:
    bucket = visit.authorizer.snapshot.buckets[visit.link.bucket]
    return visit.links.drop_boxes.page_put(
        visit.link_keys,
        visit.opened.ticket,
        file,
        visit.lifetime,
        create_only=bucket.conditional_writes,
    )


def _not_allowed(visit: Visit) -> Response:
    detail, request_id = "This link does not accept the method.", visit.context.request_id
    problems = visit.parts.problems
    members = problems.problem("method_not_allowed", detail, request_id=request_id)
    allowed = ["GET", "HEAD"]
    if visit.link.operation is Operation.UPLOAD or not visit.link.is_prefix:
        allowed.append("POST")
    if visit.link.operation is Operation.UPLOAD:
        allowed.append("PUT")
    return response(members, {"Allow": ", ".join(allowed)})
