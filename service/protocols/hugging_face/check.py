"""What `presign check` says about the Hugging Face Hub: where repositories are, who reads them."""

from collections.abc import Iterator
from itertools import product
from typing import Final
from urllib.parse import urlsplit

from service.access.callers import CallerEntry, without_placeholders
from service.access.grants import Grant, Operation
from service.access.prefix_coverage import covers_some, may_cover
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, Checked, Right, right
from service.protocols.hugging_face.settings import PATH, Hub
from service.protocols.roots import ProtocolRoot

_SECTION: Final = "hugging_face"
_DEPTH: Final = 3  # of ORG/NAME/REVISION/
_NEEDED: Final = frozenset({Operation.DOWNLOAD, Operation.LIST})


def describe(hub: Hub) -> Iterator[str]:
    for kind, root in hub.roots.named.items():
        where = f"{root.bucket}/{root.prefix}"
        yield f"{_SECTION}: HF_ENDPOINT={hub.public_url or 'URL'}{PATH} has the {kind} in {where}"


def rights(hub: Hub, entry: CallerEntry, _: Checked) -> Iterator[Right]:
    for kind, root in hub.roots.named.items():
        if (share := _share(root, entry)) is not None:
            yield from right([f"read {share}{kind}"], "of the Hugging Face Hub")


def warnings(hub: Hub | None, checked: Checked) -> Iterator[ConfigurationProblem]:
    for kind, root in ({} if hub is None else hub.roots.named).items():
        location = (_SECTION, kind)
        if all(_share(root, entry) is None for entry in checked.entries()):
            text = (
                "nobody may read them; a caller needs a grant with `list` and `download` that "
                f"covers {root.bucket}/{root.prefix}"
            )
            yield ConfigurationProblem(text, location)
        if (host := _same_host(hub, checked, root)) is not None:
            text = (
                f"bucket {root.bucket} has the host name of server.public_url, {host}: clients "
                "would send it their token, so each download is refused"
            )
            yield ConfigurationProblem(text, location)


def _share(root: ProtocolRoot, entry: CallerEntry) -> str | None:
    """Return the words for all or some of the repositories. None if the entry reads none."""
    grants = [
        grant
        for grant in entry.grants
        if grant.bucket == root.bucket
        and grant.covers_subtree
        and (may_cover(grant, root.prefix) or covers_some(grant, root.prefix))
    ]
    everywhere = [grant for grant in grants if may_cover(grant, root.prefix)]
    if {operation for grant in everywhere for operation in grant.allow} >= _NEEDED:
        return "all "
    listed = [
        each for each in grants if Operation.LIST in each.allow and _has_revisions(root, each)
    ]
    files = [each for each in grants if Operation.DOWNLOAD in each.allow]
    return "some " if any(_overlap(*pair) for pair in product(listed, files)) else None


def _has_revisions(root: ProtocolRoot, grant: Grant) -> bool:
    """Whether it covers the folder of a revision, and not only what is deeper."""
    prefix = without_placeholders(grant.prefix, lambda _: "x")
    return prefix.removeprefix(root.prefix).count("/") <= _DEPTH


def _overlap(one: Grant, other: Grant) -> bool:
    return one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)


def _same_host(hub: Hub | None, checked: Checked, root: ProtocolRoot) -> str | None:
    """Return the host name that the service shares with the bucket, if it is known."""
    own = None if hub is None else urlsplit(hub.public_url).hostname
    store = urlsplit(checked.buckets[root.bucket].downloads_from("protocols")).hostname
    return own if own == store else None


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)
