"""What a tool answers, as JSON: a value by its output schema, and the same as text. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from service.protocols.mcp.visible import visible, visible_json


def members(value: Mapping[str, Any], text: str, *links: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result has in each revision. `links` are blocks besides the text."""
    content = [{"type": "text", "text": text}, *links]
    return {"content": content, "structuredContent": value, "isError": False}


def plain(value: Mapping[str, Any], *links: Mapping[str, Any]) -> bytes:
    """Return a result whose text is the value itself."""
    return to_json(members(value, visible_json(value), *links))


def resource_link(url: str, name: str) -> dict[str, str]:
    """Return a block that leads to an object."""
    return {"type": "resource_link", "uri": url, "name": name}


def last_segment(key: str) -> str:
    """Return the name of an object by its key."""
    return visible(key.rstrip("/").rpartition("/")[2] or key)
