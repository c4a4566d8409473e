"""What a tool answers: a value by its output schema, and the same as text. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.protocols.mcp.visible import visible, visible_json


@dataclass(slots=True)
class ToolResult:  # not frozen: see presigning/requests.py
    """`links` are blocks besides the text."""

    value: Mapping[str, Any] = field(repr=False)
    text: str = field(repr=False)
    links: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def members(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members that the result has in each revision, and `more`."""
        content = [{"type": "text", "text": self.text}, *self.links]
        return {"content": content, "structuredContent": self.value, "isError": False, **more}


def plain(value: Mapping[str, Any]) -> ToolResult:
    """Return a value with itself as its text."""
    return ToolResult(value, visible_json(value))


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def resource_link(url: str, key: str) -> dict[str, str]:
    """Return a block that leads to an object. Its name is the last segment of the key."""
    return {
        "type": "resource_link",
        "uri": url,
        "name": visible(key.rstrip("/").rpartition("/")[2] or key),
    }
