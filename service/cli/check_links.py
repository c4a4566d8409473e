"""What `presign check` says about share links: who may make them, and how they end."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.app import builders
from service.config.settings import Settings

_WHAT = {Operation.DOWNLOAD: "to download", Operation.UPLOAD: "to upload"}


def describe(settings: Settings) -> Iterator[str]:
    """Yield a line about all links, and one about each caller."""
    if (links := settings.links) is None:
        return
    keys = "1 key opens" if len(links.keys) == 1 else f"{len(links.keys)} keys open"
    ends = "a store counts uses and keeps revocations"
    if builders.links_store_url(settings) is None:
        ends = "without a store, so max_uses is refused and only revoked_links ends a link"
    yield f"links: {links.url.rstrip('/')}/l/…; {keys} them; {ends}"
    for entry in builders.caller_entries(settings):
        what = " and ".join(_kinds(entry))
        yield f"links: {builders.caller_name(entry)} may make {f'links {what}' if what else 'none'}"


def warnings(settings: Settings) -> Iterator[str]:
    entries = builders.caller_entries(settings)
    if (links := settings.links) is None:
        for place, grant in settings.placed_grants():
            if Operation.LINK in grant.allow:
                yield f"{place}: allows `link`, but there is no section `links`, so it has no effect"
        return
    if not any(_kinds(entry) for entry in entries):
        yield (
            "links: nobody may make one; a caller needs a grant with `link` and with `download` or "
            "`upload`"
        )
    if urlsplit(links.url).scheme == "http":
        yield "links.url: is not https, so everybody on the way can use the links"


def _kinds(entry: CallerEntry) -> list[str]:
    return [
        what
        for operation, what in _WHAT.items()
        if any(_allows(g, operation) for g in entry.grants)
    ]


def _allows(grant: Grant, operation: Operation) -> bool:
    return grant.allow >= {Operation.LINK, operation}
