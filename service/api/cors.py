"""Which pages may call what: each room of paths has origins of its own."""

from collections.abc import Mapping, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class Cors:
    """Pure ASGI. The first beginning of a path that fits decides; where it has no origins, nobody may."""

    def __init__(self, app: ASGIApp, origins: Mapping[str, Sequence[str]]) -> None:
        self._app = app
        self._rooms = [(path, _allowing(app, allowed)) for path, allowed in origins.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            rooms = (room for path, room in self._rooms if scope["path"].startswith(path))
            await next(rooms, self._app)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _allowing(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID", "traceparent"],
        expose_headers=["X-Request-ID", "Retry-After"],
    )
