"""What `presign check` says about running as a Lambda."""

from collections.abc import Iterator

from service.app import builders
from service.config.settings import Settings


def describe(settings: Settings) -> Iterator[str]:
    if settings.server.rate_limit_url is None and any(c.rate_limit for c in settings.callers):
        yield (
            "rate limits: each replica counts by itself, and so does each instance of a Lambda; "
            "set server.rate_limit_url to count together"
        )


def warnings(settings: Settings) -> Iterator[str]:
    for name, issuer in settings.issuers.items():
        if not issuer.api_gateway_ids:
            continue
        if builders.issuer(name, settings).pointers:
            yield (
                f"issuers.{name}.api_gateway_ids: has no effect, since claims are part of prefixes "
                "and lose their types in an event; its tokens are verified"
            )
            continue
        ids = ", ".join(issuer.api_gateway_ids)
        yield (
            f"issuers.{name}.api_gateway_ids: anybody who may invoke the Lambda directly can name "
            f"any caller of this issuer, as API {ids} does"
        )
