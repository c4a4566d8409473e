"""Share links, for people and tools that have nothing but an address."""

from typing import Final

from service.protocols.links import pages, routes, visit_routes
from service.protocols.links.check import CHECK
from service.protocols.links.service import FEATURE
from service.protocols.links.settings import LinksSettings, restart, values
from service.protocols.links.share_links import ShareLinks
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    section="links",
    settings=LinksSettings,
    values=values,
    use_case=ShareLinks,
    public_routers=(visit_routes.router, pages.router),
    api_routers=(routes.router,),
    feature=FEATURE,
    check=CHECK,
    restart=restart,
)
