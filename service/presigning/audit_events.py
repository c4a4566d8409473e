"""The audit line of requests whose caller is unknown. Pure."""

from pydantic_core import to_json

from service.errors import Unauthenticated
from service.presigning.audit import milliseconds


def unauthenticated_line(
    *,
    time: float,
    request_id: str | None = None,
    client: str | None = None,
    route: str | None = None,
    suppressed: int | None = None,
) -> bytes:
    """Return the line of a refusal. `suppressed` is how many such requests have no line."""
    members = {
        "request_id": request_id,
        "client": client,
        "decision": "denied",
        "reason": Unauthenticated.code,
        "route": route,
        "suppressed": suppressed,
    }
    present = {name: value for name, value in members.items() if value is not None}
    line = {"event": "audit", "time": milliseconds(time).decode(), **present}
    return to_json({**line, "keys": [], "part": 1, "parts": 1}) + b"\n"
