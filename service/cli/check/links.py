"""What `presign check` says about share links: who may make them, and how they end."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.app import builders
from service.app.settings import Settings
from service.cli.check.rights import Right, right
from service.config.links import MEMORY
from service.errors import ConfigurationProblem

_WHAT = {
    Operation.DOWNLOAD: "let others download",
    Operation.UPLOAD: "let others upload",
}
_DROP_BOX = frozenset({Operation.LINK, Operation.UPLOAD})


def describe(settings: Settings) -> Iterator[str]:
    if (links := settings.links) is None:
        return
    keys = "1 key opens" if len(links.keys) == 1 else f"{len(links.keys)} keys open"
    ends = "a store counts uses and keeps revocations"
    if settings.links_store_url is None:
        ends = "without a store, so max_uses is refused and only revoked_links ends a link"
    yield f"links: {links.url.rstrip('/')}/l/…; {keys} them; {ends}"


def rights(settings: Settings, entry: CallerEntry) -> Iterator[Right]:
    if settings.links is not None:
        yield from right(_kinds(entry), "by share link")


def warnings(
    settings: Settings, entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    if (links := settings.links) is None:
        for at, grant in settings.placed_grants():
            if Operation.LINK in grant.allow:
                text = "allows `link`, but there is no section `links`, so it has no effect"
                yield ConfigurationProblem(text, at)
        return
    # The keys may be there for Git LFS only.
    if settings.git_lfs is None and not any(_kinds(entry) for entry in entries):
        text = "nobody may make one; a caller needs a grant with `link` and `download` or `upload`"
        yield ConfigurationProblem(text, ("links",))
    if urlsplit(links.url).scheme == "http":
        text = "is not https, so anybody on the network path can read and use the links"
        yield ConfigurationProblem(text, ("links", "url"))
    if links.store_url is not None and links.store_url.get_secret_value() == MEMORY:
        text = (
            "memory:// counts uses and keeps revocations in one process, and forgets them when it "
            "ends; use a Redis or Valkey for several replicas"
        )
        yield ConfigurationProblem(text, ("links", "store_url"))
    yield from _unlimited(settings, entries)


def _unlimited(
    settings: Settings, entries: Iterable[CallerEntry]
) -> Iterator[ConfigurationProblem]:
    """Yield what strangers get without a limit."""
    for at, grant in settings.placed_grants():
        if grant.max_content_length is None and _DROP_BOX.issubset(grant.allow):
            text = "anybody with a link for uploads can store files of any size"
            yield ConfigurationProblem(f"{text}; set max_content_length", at)
    for at, entry in zip(settings.caller_locations(), entries, strict=True):
        if entry.rate is None and any(_kinds(entry)):
            text = "may make links, which strangers then use at any rate; set rate_limit"
            yield ConfigurationProblem(f"{builders.caller_name(entry)} {text}", at)


def _kinds(entry: CallerEntry) -> list[str]:
    return [
        what
        for operation, what in _WHAT.items()
        if any(_allows(g, operation) for g in entry.grants)
    ]


def _allows(grant: Grant, operation: Operation) -> bool:
    return grant.allow >= {Operation.LINK, operation}
