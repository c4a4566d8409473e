"""`/v1/links`: make a share link, and end one."""

from datetime import datetime
from math import ceil
from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import MISSING, Field
from pydantic_core import to_json

from service.access.grants import LONGEST_LINK, Operation
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas import Bucket, StrictRequest, Text, or_none
from service.clock import rfc3339
from service.errors import InvalidRequest
from service.presigning.downloads import get_object
from service.presigning.requests import LinkRequest
from service.protocols.links import pages, visit_routes
from service.protocols.links.service import FEATURE, CreatedLink, NewLink
from service.protocols.links.share_links import ShareLinks
from service.protocols.served import Served
from service.sessions.lifetime import Lifetime

_PATH: Final = "/v1/links"
LinkSeconds = Annotated[int, Field(ge=1, le=LONGEST_LINK)]
Uses = Annotated[int, Field(ge=1, le=1000)]
Time = Annotated[str, Field(min_length=20, max_length=35)]
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

    def link(self) -> NewLink:
        """Return the requested link. Raises InvalidRequest for one that nobody could use."""
        operation = (
            Operation.DOWNLOAD if self.operations is MISSING else Operation(*self.operations)
        )
        key, prefix = or_none(self.key), or_none(self.prefix)
        if (key is None) == (prefix is None):
            raise InvalidRequest("Send either `key` or `prefix`.", pointer="#/key")
        if prefix is None:
            self._check_key_link(operation)
        else:
            self._check_prefix_link(prefix)
        return NewLink(
            request=LinkRequest(
                bucket=self.bucket,
                key=key or prefix or "",
                operation=operation,
                lifetime=Lifetime(expires_in=or_none(self.expires_in)),
                subtree=prefix is not None,
            ),
            max_uses=or_none(self.max_uses),
            filename=or_none(self.filename),
            not_before=None if self.not_before is MISSING else _epoch_seconds(self.not_before),
        )

    def _check_key_link(self, operation: Operation) -> None:
        if operation is Operation.UPLOAD:
            detail = "Each uploaded file gets a new key: send `prefix` instead of `key`."
            raise InvalidRequest(detail, pointer="#/key")
        if self.filename is not MISSING:
            get_object(None, None, "attachment", self.filename, None)

    def _check_prefix_link(self, prefix: str) -> None:
        if prefix and not prefix.endswith("/"):
            raise InvalidRequest("A prefix ends in a slash, or is empty.", pointer="#/prefix")
        if self.max_uses is not MISSING:
            detail = "Uses are counted for links to one `key` only."
            raise InvalidRequest(detail, pointer="#/max_uses")
        if self.filename is not MISSING:
            detail = "Only a link to one `key` can name the file."
            raise InvalidRequest(detail, pointer="#/filename")


router = APIRouter(prefix=_PATH, tags=["links"], route_class=ApiRoute)


@router.post("", status_code=201)
async def create_link(call: AuthenticatedRequest, body: NewLinkRequest) -> bytes:
    links = call.parts.use_case(ShareLinks).links
    return render_link(await links.create(call.requester, body.link()))


@router.delete("/{link_id}", response_model=None, status_code=204)
async def end_link(call: AuthenticatedRequest, link_id: str) -> bytes:
    links = call.parts.use_case(ShareLinks).links
    await links.end(call.requester, link_id, f"{_PATH}/{{link_id}}")
    return b""


def render_link(link: CreatedLink) -> bytes:
    members = {"url": link.url, "id": link.id, "expires_at": rfc3339(link.expires_at)}
    return to_json(members | ({"limited_by": link.limited_by} if link.limited_by else {}))


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
