"""The tools of share links. Who may make and end them, and for how long, is what links say."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

from service.access.grants import Operation
from service.api.schemas import or_none
from service.errors import InvalidRequest
from service.presigning.downloads import get_object
from service.protocols.links.answers import LinkRequest
from service.protocols.links.routes import link_members, own_link_members
from service.protocols.mcp.arguments import EndArguments, LinkArguments, LinksArguments
from service.protocols.mcp.listing import DEFAULT_NAMES, MAX_BYTES
from service.protocols.mcp.results import last_segment, plain, resource_link
from service.protocols.mcp.settings import PATH
from service.protocols.mcp.use_case import ToolCall
from service.protocols.mcp.visible import visible_json
from service.sessions.lifetime import Lifetime

# The place that a page of the store is before, 0 for the first one, and the last link of the answer
_CURSOR: Final = re.compile(r"([0-9]{1,16})(?:\.(lnk_[A-Za-z0-9_-]{24}))?")


async def create_link(call: ToolCall, arguments: LinkArguments) -> bytes:
    filename = or_none(arguments.filename)
    if filename is not None:
        # Refuses a name that cannot be sent.
        get_object(disposition="attachment", filename=filename)
    request = LinkRequest(
        bucket=arguments.bucket,
        key=arguments.key,
        purpose=Operation.DOWNLOAD,
        lifetime=Lifetime(expires_in=or_none(arguments.expires_in)),
        max_uses=or_none(arguments.max_uses),
        filename=filename,
    )
    created = await call.links.links.create(call.requester, request)
    link = resource_link(created.url, last_segment(arguments.key))
    return plain(link_members(created), link)


async def list_links(call: ToolCall, arguments: LinksArguments) -> bytes:
    before, last = _place(or_none(arguments.cursor))
    page = await call.links.links.listed(call.requester, before or None, PATH)
    listed = [own_link_members(link) for link in page.links]
    ids = [members["id"] for members in listed]
    rest = listed[ids.index(last) + 1 :] if last in ids else listed
    shown = _with_room(rest, or_none(arguments.limit) or DEFAULT_NAMES)
    value: dict[str, Any] = {"links": shown}
    if len(shown) < len(rest):
        value["next_cursor"] = f"{before}.{shown[-1]['id']}"
    elif page.next is not None:
        value["next_cursor"] = str(page.next)
    return plain(value)


async def revoke_link(call: ToolCall, arguments: EndArguments) -> bytes:
    await call.links.links.end(call.requester, arguments.id, PATH)
    return plain({"id": arguments.id, "revoked": True})


def _place(cursor: str | None) -> tuple[int, str | None]:
    match = _CURSOR.fullmatch(cursor or "0")
    if match is None:
        detail = "Give the `next_cursor` of the answer before."
        raise InvalidRequest(detail, pointer="#/cursor")
    return int(match[1]), match[2]


def _with_room(links: list[dict[str, Any]], limit: int) -> list[Mapping[str, Any]]:
    """Return the first links that an answer has room for: one at least."""
    shown, size = list[Mapping[str, Any]](), 0
    for link in links[:limit]:
        size += len(to_json(link)) + len(to_json(visible_json(link)))
        if shown and size > MAX_BYTES:
            break
        shown.append(link)
    return shown
