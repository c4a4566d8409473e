"""The settings of MCP."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from service.config.durations import Seconds
from service.config.quoting import Shown
from service.config.texts import matching
from service.config.types import Name, Section, true_false_or
from service.protocols.protocol import Issuer, Shared

PATH: Final = "/mcp"
Scope = Annotated[  # RFC 6749, 3.3
    str, matching(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}", "write a scope of OAuth, such as openid")
]


class McpSettings(Section):
    """[MCP](mcp.md) at `/mcp`, for agents. `mcp: true` has all defaults."""

    expires_in: Shown[Seconds] = 300
    """Lifetime of a signed request if the agent names none, up to the grant's `max_expires_in`."""

    sign_in: Shown[tuple[Name, ...] | None] = None
    """Which `issuers` are named to clients that [sign in](mcp.md#sign-in) by themselves: by default
    all, with `[]` none."""

    scopes: Annotated[tuple[Scope, ...], Field(max_length=20)] = ()
    """Scopes that such clients ask the issuer for. No caller needs them here."""


Mcp = Annotated[McpSettings | None, true_false_or(McpSettings, "`expires_in`")]


@dataclass(frozen=True, slots=True, kw_only=True)
class McpValues:
    """What the protocol needs. `named` are the issuers that are named to clients.

    `issuers` are all entries, of which one issuer may have several. `public_url` may be empty.
    `links` and `link_store` are whether there are share links, and a store that lists them.
    """

    expires_in: int
    public_url: str
    named: tuple[str, ...]
    scopes: tuple[str, ...]
    issuers: tuple[Issuer, ...]
    links: bool
    link_store: bool


def values(section: McpSettings, shared: Shared) -> McpValues:
    names = shared.issuers if section.sign_in is None else section.sign_in
    named = [shared.issuers[name].url for name in names if name in shared.issuers]
    return McpValues(
        expires_in=section.expires_in,
        public_url=shared.public_url,
        named=tuple(dict.fromkeys(named)),
        scopes=section.scopes,
        issuers=tuple(shared.issuers.values()),
        links=bool(shared.keys),
        link_store=shared.has_link_store,
    )
