"""What the tools use: the use cases of `/v1`, the settings, and who calls."""

from dataclasses import dataclass

from service.api.parts import Core, UseCase
from service.presigning.presigner import Presigner
from service.presigning.requests import Requester
from service.protocols.links.share_links import ShareLinks
from service.protocols.mcp.settings import McpValues


class Agents(UseCase[McpValues]):
    def __init__(self, core: Core, values: McpValues | None) -> None:
        super().__init__(values)
        self.core = core


@dataclass(slots=True, kw_only=True)
class ToolCall:  # not frozen: see presigning/requests.py
    """A call of a tool by a caller that gets it."""

    requester: Requester
    core: Core
    values: McpValues
    links: ShareLinks

    @property
    def presigner(self) -> Presigner:
        return self.core.presigner
