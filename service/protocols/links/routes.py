"""`/v1/links`: make a share link, list the caller's own, and end one."""

from datetime import datetime
from math import ceil
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import MISSING, Field
from pydantic_core import to_json

from service.access.grants import LONGEST_LINK, Operation
from service.access.key_prefixes import MAX_PREFIX_BYTES
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas import Bucket, StrictRequest, Text, or_none
from service.clock import rfc3339
from service.errors import InvalidRequest
from service.presigning.downloads import get_object
from service.protocols.links import pages, visit_routes
from service.protocols.links.answers import CreatedLink, LinkRequest, OwnLink
from service.protocols.links.service import FEATURE
from service.protocols.links.share_links import ShareLinks
from service.protocols.links.words import MISLEADING, NOT_IN_A_LINE, check_words
from service.protocols.served import Served
from service.sessions.lifetime import Lifetime

_PATH: Final = "/v1/links"
LinkSeconds = Annotated[int, Field(ge=1, le=LONGEST_LINK)]
Uses = Annotated[int, Field(ge=1, le=1000)]
Time = Annotated[str, Field(min_length=20, max_length=35)]
Label = Annotated[str, Field(min_length=1, max_length=80)]
Message = Annotated[str, Field(min_length=1, max_length=300)]
Cursor = Annotated[str, Field(pattern=r"^[0-9]{1,16}$")]
Operations = Annotated[list[Literal["download", "upload"]], Field(min_length=1, max_length=1)]


class NewLinkRequest(StrictRequest):
    bucket: Bucket
    key: str | MISSING = MISSING
    prefix: str | MISSING = MISSING
    operations: Operations | MISSING = MISSING
    expires_in: LinkSeconds | MISSING = MISSING
    not_before: Time | MISSING = MISSING
    max_uses: Uses | MISSING = MISSING
    filename: Text | MISSING = MISSING
    label: Label | MISSING = MISSING
    message: Message | MISSING = MISSING

    def link(self) -> LinkRequest:
        """Return the requested link. Raises InvalidRequest for one that nobody could use."""
        check_words(self.label, "#/label", NOT_IN_A_LINE)
        check_words(self.message, "#/message", MISLEADING)
        operation = (
            Operation.DOWNLOAD if self.operations is MISSING else Operation(*self.operations)
        )
        key, prefix = or_none(self.key), or_none(self.prefix)
        if (key is None) == (prefix is None):
            raise InvalidRequest("Send either `key` or `prefix`.", pointer="#/key")
        if prefix is None:
            self._check_key_link(operation)
        else:
            self._check_prefix_link(prefix, operation)
        return LinkRequest(
            bucket=self.bucket,
            key=key or prefix or "",
            purpose=operation,
            lifetime=Lifetime(expires_in=or_none(self.expires_in)),
            is_prefix=prefix is not None,
            max_uses=or_none(self.max_uses),
            filename=or_none(self.filename),
            not_before=None if self.not_before is MISSING else _epoch_seconds(self.not_before),
            label=or_none(self.label),
            message=or_none(self.message),
        )

    def _check_key_link(self, operation: Operation) -> None:
        if operation is Operation.UPLOAD:
            detail = "Each uploaded file gets a new key: send `prefix` instead of `key`."
            raise InvalidRequest(detail, pointer="#/key")
        if self.filename is not MISSING:
            get_object(disposition="attachment", filename=self.filename)

    def _check_prefix_link(self, prefix: str, operation: Operation) -> None:
        if prefix and not prefix.endswith("/"):
            raise InvalidRequest("A prefix ends in a slash, or is empty.", pointer="#/prefix")
        size = len(prefix.encode("utf-8", "surrogatepass"))
        if operation is Operation.UPLOAD and size > MAX_PREFIX_BYTES:
            detail = f"The prefix of a drop box has at most {MAX_PREFIX_BYTES} bytes."
            raise InvalidRequest(detail, pointer="#/prefix")
        if self.max_uses is not MISSING:
            detail = "Uses are counted for links to one `key` only."
            raise InvalidRequest(detail, pointer="#/max_uses")
        if self.filename is not MISSING:
            detail = "Only a link to one `key` can name the file."
            raise InvalidRequest(detail, pointer="#/filename")


class LinksQuery(StrictRequest):
    after: Cursor | MISSING = MISSING


router = APIRouter(prefix=_PATH, tags=["links"], route_class=ApiRoute)


@router.post("", status_code=201)
async def create_link(call: AuthenticatedRequest, body: NewLinkRequest) -> bytes:
    links = call.parts.use_case(ShareLinks).links
    return to_json(link_members(await links.create(call.requester, body.link())))


@router.get("")
async def list_links(call: AuthenticatedRequest, query: Annotated[LinksQuery, Query()]) -> bytes:
    links = call.parts.use_case(ShareLinks).links
    before = None if query.after is MISSING else int(query.after)
    page = await links.listed(call.requester, before, _PATH)
    members: dict[str, Any] = {"links": [own_link_members(link) for link in page.links]}
    return to_json(members | ({} if page.next is None else {"next": str(page.next)}))


@router.delete("/{link_id}", response_model=None, status_code=204)
async def revoke_link(call: AuthenticatedRequest, link_id: str) -> bytes:
    links = call.parts.use_case(ShareLinks).links
    await links.end(call.requester, link_id, f"{_PATH}/{{link_id}}")
    return b""


def link_members(link: CreatedLink) -> dict[str, Any]:
    """Return the members of a link that was made."""
    members = {
        "url": link.url,
        "id": link.id,
        "expires_at": rfc3339(link.expires_at),
        "listed": link.is_listed,
    }
    return members | ({"limited_by": link.limited_by} if link.limited_by else {})


def own_link_members(own: OwnLink) -> dict[str, Any]:
    """Return the members of a link in its maker's list. A missing value is absent."""
    link = own.link
    members = {
        "id": own.id,
        "url": None if own.is_revoked else own.url,
        "bucket": link.bucket,
        "prefix" if link.is_prefix else "key": link.key,
        "operations": [link.operation],
        "label": link.label,
        "message": link.message,
        "filename": link.filename,
        "created_at": rfc3339(link.issued_at),
        "not_before": None if link.not_before is None else rfc3339(link.not_before),
        "expires_at": rfc3339(link.expires_at),
        "max_uses": link.max_uses,
        "uses": None if own.is_revoked else own.uses,
        "revoked": own.is_revoked,
    }
    return {name: value for name, value in members.items() if value is not None}


def _epoch_seconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - without a zone, so it is refused
    if moment.tzinfo is None:
        detail = "Write a time with its zone, such as 2026-11-24T20:00:00Z."
        raise InvalidRequest(detail, pointer="#/not_before")
    return ceil(moment.timestamp())


SERVED: Final = Served(
    use_case=ShareLinks,
    surface="links",
    public_routers=(visit_routes.router, pages.router),
    api_routers=(router,),
    feature=FEATURE,
)
