"""What `presign check` says about object URLs."""

from collections.abc import Iterator
from typing import Final

from service.errors import ConfigurationProblem
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.quantities import duration
from service.sessions.lifetime import Lifetime


def describe(lifetime: Lifetime) -> Iterator[str]:
    yield (
        "object URLs: each caller may use its grants at /o/BUCKET/KEY too, with its key as a Basic "
        f"password; what they redirect to lives {duration(lifetime.expires_in or 0)} at most"
    )


def warnings(
    lifetime: Lifetime | None, checked: CheckedConfiguration
) -> Iterator[ConfigurationProblem]:
    if lifetime is not None and checked.cors_origins:
        text = (
            "a redirect from /o/ makes browsers send `Origin: null` to the store, so a bucket that "
            "pages use through object URLs needs a CORS rule with the origin *: see "
            "docs/cors.md"
        )
        yield ConfigurationProblem(text, ("server", "cors_origins"))


CHECK: Final = Check(describe=describe, warnings=warnings)
