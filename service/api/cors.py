"""CORS: pages of other origins that may call."""

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp


def allowing(origins: Collection[str], app: ASGIApp) -> ASGIApp:
    """Return the app for pages of these origins too. No answer lets them send cookies."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["*"],  # an upload's own, such as `x-amz-meta-…`, are not known in advance
        expose_headers=["X-Request-ID", "Retry-After"],
    )
