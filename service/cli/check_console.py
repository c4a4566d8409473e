"""What `presign check` says about the console: how people sign in, and what it shows to others."""

from collections.abc import Iterator

from service.config.settings import Settings


def describe(settings: Settings) -> Iterator[str]:
    if (console := settings.console) is None:
        return
    ways = "with a key or a token"
    if console.issuer is not None:
        issuer = settings.issuers[console.issuer].issuer
        ways += f", or at {issuer} as its client {console.client_id}"
    yield f"console: people sign in at /console {ways}"


def warnings(settings: Settings) -> Iterator[str]:
    if (console := settings.console) is None:
        return
    yield (
        "console: anybody who can reach the service can open /console and see the hosts of all "
        "buckets in its headers; the page itself has no rights"
    )
    if console.issuer is None:
        return
    audience = settings.issuers[console.issuer].audience
    if audience != console.client_id:
        yield (
            f"console: ID tokens for the client {console.client_id} are refused unless "
            f"{console.issuer} adds the audience {audience} to them; set issuers.{console.issuer}."
            "audience to the client id, or add a second issuer with it"
        )
    if all(caller.issuer != console.issuer for caller in settings.callers):
        yield (
            f"console: no caller has the issuer {console.issuer}, so people who sign in there may "
            "do nothing"
        )
