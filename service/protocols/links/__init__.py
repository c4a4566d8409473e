"""Share links, for people and tools that have nothing but an address."""

from typing import Final

from service.protocols.links.check import CHECK
from service.protocols.links.settings import LinksSettings, restart, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="links",
    settings=LinksSettings,
    values=values,
    check=CHECK,
    restart=restart,
)
