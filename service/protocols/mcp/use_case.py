"""What the tools use: the use cases of `/v1`, the settings, and who calls."""

from dataclasses import dataclass

from service.api.parts import Core, UseCase
from service.presigning.requests import Requester
from service.protocols.links.share_links import ShareLinks
from service.protocols.mcp.settings import McpValues


@dataclass
class Agents(UseCase[McpValues]):
    core: Core


@dataclass(slots=True, kw_only=True)
class ToolCall:  # not frozen: see presigning/requests.py
    """A call of a tool by a caller that gets it."""

    requester: Requester
    core: Core
    values: McpValues
    links: ShareLinks
