"""Audit lines of requests that name no object: refused unread, or about a link as a whole. Pure."""

from typing import Any

from pydantic_core import to_json

from service.access.grants import Operation
from service.presigning.audit import milliseconds
from service.presigning.requests import Requester


def unread_line(
    requester: Requester | None,
    code: str,
    *,
    time: float,
    request_id: str | None = None,
    client: str | None = None,
    route: str | None = None,
    suppressed: int | None = None,
) -> bytes:
    """Return the line of a request that was refused before its body was read.

    Without a `requester` the caller is unknown. `suppressed` is how many such requests have no
    line.
    """
    known: dict[str, Any] = {"request_id": request_id, "client": client}
    if requester is not None:
        known = _members(requester)
    more = {"decision": "denied", "reason": code, "route": route, "suppressed": suppressed}
    return _rendered(time, known | more)


def ended_link_line(requester: Requester, *, time: float) -> bytes:
    """Return the line of a link that its maker has ended."""
    what = {"decision": "allowed", "operation": Operation.LINK, "action": "EndLink"}
    return _rendered(time, _members(requester) | what)


def _members(requester: Requester) -> dict[str, Any]:
    return {
        "request_id": requester.request_id,
        "issuer": requester.identity.caller.issuer,
        "subject": requester.identity.caller.subject,
        "client": requester.client,
        "link_id": requester.link_id,
    }


def _rendered(time: float, members: dict[str, Any]) -> bytes:
    present = {name: value for name, value in members.items() if value is not None}
    line = {"event": "audit", "time": milliseconds(time).decode(), **present}
    return to_json({**line, "keys": [], "part": 1, "parts": 1}) + b"\n"
