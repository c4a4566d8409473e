"""What `presign check` says about MCP: which tools each caller gets, and what is risky."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.errors import ConfigurationProblem, Location
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.mcp.rights import tools_of
from service.protocols.mcp.settings import PATH, McpValues
from service.protocols.rights import Right

_AT: Final = ("mcp",)


def describe(mcp: McpValues) -> Iterator[str]:
    issuers = ", ".join(mcp.named) or "no issuer"
    yield f"mcp: {mcp.public_url or 'URL'}{PATH}; clients sign in at {issuers}"


def rights(mcp: McpValues, entry: CallerEntry, _: CheckedConfiguration) -> Iterator[Right]:
    names = tools_of(entry.grants, links=mcp.links, link_store=mcp.link_store)
    yield Right((f"use {names[0]}", *names[1:]), "by MCP")


def warnings(
    mcp: McpValues | None, checked: CheckedConfiguration
) -> Iterator[ConfigurationProblem]:
    if mcp is None:
        return
    for location, grant in checked.grants():
        yield from _of_grant(location, grant, has_links=mcp.links)
    if mcp.named and not mcp.public_url:
        text = "server.public_url is missing, so clients that sign in get the address in `Host`"
        yield ConfigurationProblem(text, _AT)
    for issuer in mcp.named if mcp.public_url else ():
        audience = f"{mcp.public_url}{PATH}"
        if not any(audience in entry.audiences for entry in mcp.issuers if entry.url == issuer):
            text = (
                f"clients sign in at {issuer}, but none of its entries in `issuers` has the "
                f"audience {audience}, for which such clients ask; add it to the list `audience`"
            )
            yield ConfigurationProblem(text, _AT)


def _of_grant(
    location: Location, grant: Grant, *, has_links: bool
) -> Iterator[ConfigurationProblem]:
    is_whole = not grant.prefix
    risks = [
        (has_links and Operation.LINK in grant.allow, "makes links for anybody"),
        (is_whole and Operation.DELETE in grant.allow, "deletes in the whole bucket"),
        (is_whole and grant.allow_overwrite, "overwrites in the whole bucket"),
    ]
    what = [text for applies, text in risks if applies]
    if what:
        text = f"{' and '.join(what)}; an agent with it may be talked into that by what it reads"
        yield ConfigurationProblem(text, location)


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)
