"""What `presign check` says about running as a Lambda."""

from collections.abc import Iterator

from service.app.settings import Settings


def describe(settings: Settings) -> Iterator[str]:
    if settings.server.rate_limit_url is None and any(c.rate_limit for c in settings.callers):
        yield (
            "rate limits: each replica counts by itself, and so does each instance of a Lambda; "
            "set server.rate_limit_url to count together"
        )
