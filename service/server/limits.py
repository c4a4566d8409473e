"""What a client may take of a connection."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Seconds, bytes and requests that a client may take.

    `linger` is how long a body that nobody wants is read on, so that the client sees the answer
    before the connection ends. `parting` is how long an idle connection is kept when the server
    stops, for a request that is on its way.
    """

    head_seconds: float = 10.0
    body_seconds: float = 20.0
    write_seconds: float = 30.0
    linger_seconds: float = 2.0
    shutdown_idle_seconds: float = 0.5
    head_bytes: int = 16 * 1024  # as nginx, gunicorn and Node take by default, roughly
    pipelined: int = 64  # one read may hold ten thousand requests, at some kilobytes each
