"""MCP, for agents: tools that answer with signed requests and links, never with contents."""

from typing import Final

from service.protocols.mcp.check import CHECK
from service.protocols.mcp.settings import McpSettings, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="mcp",
    settings=McpSettings,
    values=values,
    check=CHECK,
    unseen_while_off=True,
)
