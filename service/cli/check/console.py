"""What `presign check` says about the console: how people sign in, and what it shows to others."""

import json
from collections.abc import Iterator

from service.app.settings import Settings
from service.errors import ConfigurationProblem


def describe(settings: Settings) -> Iterator[str]:
    if (console := settings.console) is None:
        return
    ways = "with a key or a token"
    if console.issuer is not None:
        issuer = settings.issuers[console.issuer].issuer
        ways += f", or at {issuer} as its client {console.client_id}"
    yield f"console: people sign in at /console {ways}"
    yield (
        "console: anybody who can reach the service can open /console and see the hosts of all "
        "buckets in its headers; the page itself has no rights"
    )


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    if (console := settings.console) is None or console.issuer is None:
        return
    audiences = settings.issuers[console.issuer].audience
    if console.client_id not in audiences:
        text = (
            f"ID tokens for the client {console.client_id} are refused unless {console.issuer} "
            f"adds the audience {' or '.join(audiences)} to them; add the client id to "
            f"issuers.{console.issuer}.audience: {json.dumps([*audiences, console.client_id])}"
        )
        yield ConfigurationProblem(text, ("console", "client_id"))
    if all(caller.issuer != console.issuer for caller in settings.callers):
        text = (
            f"no caller has the issuer {console.issuer}, so people who sign in there may do nothing"
        )
        yield ConfigurationProblem(text, ("console", "issuer"))
