"""What `presign check` says about share links: who may make them, and how they end."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, Checked, Right, right
from service.protocols.links.settings import MEMORY, LinkSettings

_WHAT: Final = {
    Operation.DOWNLOAD: "let others download",
    Operation.UPLOAD: "let others upload",
}
_DROP_BOX: Final = frozenset({Operation.LINK, Operation.UPLOAD})


def describe(links: LinkSettings) -> Iterator[str]:
    keys = "1 key opens" if len(links.keys) == 1 else f"{len(links.keys)} keys open"
    ends = "a store counts uses, and keeps revocations and lists"
    if links.store_url is None:
        ends = "without a store, so max_uses is refused and only revoked_links ends a link"
    yield f"links: {links.url}/l/…; {keys} them; {ends}"


def rights(_links: LinkSettings, entry: CallerEntry, _checked: Checked) -> Iterator[Right]:
    yield from right(_kinds(entry), "by share link")


def warnings(links: LinkSettings | None, checked: Checked) -> Iterator[ConfigurationProblem]:
    if links is None:
        for location, grant in checked.grants():
            if Operation.LINK in grant.allow:
                text = "allows `link`, but there is no section `links`, so it has no effect"
                yield ConfigurationProblem(text, location)
        return
    are_keys_for_others = "git_lfs" in checked.sections
    if not are_keys_for_others and not any(_kinds(entry) for entry in checked.entries()):
        text = "nobody may make one; a caller needs a grant with `link` and `download` or `upload`"
        yield ConfigurationProblem(text, ("links",))
    if urlsplit(links.url).scheme == "http":
        text = "is not https, so anybody on the network path can read and use the links"
        yield ConfigurationProblem(text, ("server", "public_url"), grave=True)
    if links.store_url == MEMORY:
        text = (
            "memory:// counts uses and keeps revocations in one process, and forgets them when it "
            "ends; use a Redis or Valkey for several replicas"
        )
        yield ConfigurationProblem(text, ("links", "store_url"))
    yield from _unlimited(checked)


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)


def _unlimited(checked: Checked) -> Iterator[ConfigurationProblem]:
    """Yield what strangers get without a limit."""
    for location, grant in checked.grants():
        if grant.max_content_length is None and _DROP_BOX.issubset(grant.allow):
            text = "anybody with a link for uploads can store files of any size"
            yield ConfigurationProblem(f"{text}; set max_content_length", location)
    for location, entry in checked.callers:
        if entry.rate is None and any(_kinds(entry)):
            text = "may make links, which strangers then use at any rate; set rate_limit"
            yield ConfigurationProblem(text, location)


def _kinds(entry: CallerEntry) -> list[str]:
    return [
        what
        for operation, what in _WHAT.items()
        if any(_allows(g, operation) for g in entry.grants)
    ]


def _allows(grant: Grant, operation: Operation) -> bool:
    return grant.allow >= {Operation.LINK, operation}
