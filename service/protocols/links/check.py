"""What `presign check` says about share links: who may make them, and how they end."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from service.access.grants import Operation
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.links.settings import MEMORY, LinksValues
from service.protocols.rights import Target, Use


def _use(what: str, operation: Operation) -> Use:
    return Use(what, frozenset({operation}), in_part=what, of_grants_with=Operation.LINK)


USES: Final = (
    _use("let others download", Operation.DOWNLOAD),
    _use("let others upload", Operation.UPLOAD),
)
_DROP_BOX: Final = frozenset({Operation.LINK, Operation.UPLOAD})


def describe(links: LinksValues) -> Iterator[str]:
    keys = "1 key opens" if len(links.keys) == 1 else f"{len(links.keys)} keys open"
    ends = "a store counts uses, and keeps revocations and lists"
    if links.store_url is None:
        ends = "without a store, so max_uses is refused and only revoked_links ends a link"
    yield f"links: {links.url}/l/…; {keys} them; {ends}"


def targets(_: LinksValues, checked: CheckedConfiguration) -> Iterator[Target]:
    are_keys_for_others = "git_lfs" in checked.sections
    location = None if are_keys_for_others else ("links",)
    yield Target(uses=USES, where="by share link", location=location)


def warnings(
    links: LinksValues | None, checked: CheckedConfiguration
) -> Iterator[ConfigurationProblem]:
    if links is None:
        for location, grant in checked.grants():
            if Operation.LINK in grant.allow:
                text = "allows `link`, but there is no section `links`, so it has no effect"
                yield ConfigurationProblem(text, location)
        return
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


CHECK: Final = Check(describe=describe, targets=targets, warnings=warnings)


def _unlimited(checked: CheckedConfiguration) -> Iterator[ConfigurationProblem]:
    """Yield what strangers get without a limit."""
    for location, grant in checked.grants():
        if grant.max_content_length is None and _DROP_BOX.issubset(grant.allow):
            text = "anybody with a link for uploads can store files of any size"
            yield ConfigurationProblem(f"{text}; set max_content_length", location)
    for location, entry in checked.callers:
        linking = [grant.allow for grant in entry.grants if Operation.LINK in grant.allow]
        makes_links = any(allow >= use.needs for allow in linking for use in USES)
        if entry.rate is None and makes_links:
            text = "may make links, which strangers then use at any rate; set rate_limit"
            yield ConfigurationProblem(text, location)
