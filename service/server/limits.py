"""How long a client may take, and how much it may send."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Limits of one connection.

    `linger_seconds` is how long an unwanted body is read on, so that the client sees the response
    before the connection closes. During shutdown an idle connection stays open for
    `shutdown_idle_seconds`, because a request may be on its way.
    """

    head_seconds: float = 10.0
    body_seconds: float = 20.0
    write_seconds: float = 30.0
    linger_seconds: float = 2.0
    shutdown_idle_seconds: float = 0.5
    head_bytes: int = 16 * 1024  # roughly the default of nginx, gunicorn and Node
    pipelined: int = 64  # a single read may hold ten thousand requests of some kilobytes each
