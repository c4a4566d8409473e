"""What `presign check` says about running as a Lambda."""

from collections.abc import Iterator

from service.app import builders
from service.config.settings import Settings
from service.errors import ConfigurationProblem


def describe(settings: Settings) -> Iterator[str]:
    if settings.server.rate_limit_url is None and any(c.rate_limit for c in settings.callers):
        yield (
            "rate limits: each replica counts by itself, and so does each instance of a Lambda; "
            "set server.rate_limit_url to count together"
        )


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    for name, issuer in settings.issuers.items():
        place = ("issuers", name, "api_gateway_ids")
        if not issuer.api_gateway_ids:
            continue
        if builders.issuer(name, settings).pointers:
            text = (
                "has no effect, since claims are part of prefixes and lose their types in an "
                "event; its tokens are verified"
            )
        else:
            ids = ", ".join(issuer.api_gateway_ids)
            text = (
                "anybody who may invoke the Lambda directly can name any caller of this issuer, "
                f"as API {ids} does"
            )
        yield ConfigurationProblem(text, place)
