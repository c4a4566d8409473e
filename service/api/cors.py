"""CORS: which origins may call which paths."""

from collections.abc import Mapping, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class Cors:
    """Pure ASGI. The first prefix that matches a path decides. Without origins, none is allowed."""

    def __init__(self, app: ASGIApp, origins: Mapping[str, Sequence[str]]) -> None:
        """`origins` are the allowed origins by path prefix."""
        self._app = app
        self._apps = [(prefix, _allowing(app, allowed)) for prefix, allowed in origins.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            matching = (app for prefix, app in self._apps if scope["path"].startswith(prefix))
            app = next(matching, app)
        await app(scope, receive, send)


def _allowing(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["*"],  # an upload's own, such as `x-amz-meta-…`, are not known in advance
        expose_headers=["X-Request-ID", "Retry-After"],
    )
