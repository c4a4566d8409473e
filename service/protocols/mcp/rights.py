"""Which tools there are, in their order, and what a caller's grants must allow for each. Pure."""

from collections.abc import Collection, Mapping
from typing import Final

from service.access.grants import Grant, Operation

_Alternatives = tuple[frozenset[Operation], ...]


def _all_of(*operations: Operation) -> _Alternatives:
    return (frozenset(operations),)


_DOWNLOAD, _UPLOAD, _LINK = Operation.DOWNLOAD, Operation.UPLOAD, Operation.LINK

# Of each, one alternative must be allowed: all of its operations, each by some grant.
NEEDS: Final[Mapping[str, _Alternatives]] = {
    "show_access": _all_of(),
    "list_files": _all_of(Operation.LIST),
    "find_files": _all_of(Operation.LIST),
    "describe_file": (frozenset({Operation.HEAD}), frozenset({_DOWNLOAD})),
    "sign_download": _all_of(_DOWNLOAD),
    "sign_upload": _all_of(_UPLOAD),
    "sign_copy": _all_of(_DOWNLOAD, _UPLOAD),
    "sign_move": _all_of(_DOWNLOAD, _UPLOAD, Operation.DELETE),
    "sign_delete": _all_of(Operation.DELETE),
    "create_link": _all_of(_LINK, _DOWNLOAD),
    "list_links": _all_of(_LINK),
    "revoke_link": _all_of(_LINK),
}
_IN_ONE_GRANT: Final = frozenset({"create_link"})
_OF_LINKS: Final = frozenset({"create_link", "list_links", "revoke_link"})
_OF_THE_STORE_OF_LINKS: Final = frozenset({"list_links", "revoke_link"})


def is_offered(name: str, *, links: bool, link_store: bool) -> bool:
    """Return whether the service has what the tool is about: links, and a store that lists them."""
    return (links or name not in _OF_LINKS) and (link_store or name not in _OF_THE_STORE_OF_LINKS)


def is_granted(name: str, grants: Collection[Grant]) -> bool:
    """Return whether grants allow what the tool needs, each of its operations somewhere."""
    needs = NEEDS[name]
    for grant in grants:  # mostly, one grant is enough
        for needed in needs:
            if needed <= grant.allow:
                return True
    if name in _IN_ONE_GRANT:
        return False
    allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
    return any(needed <= allowed for needed in needs)


def tools_of(grants: Collection[Grant], *, links: bool, link_store: bool) -> tuple[str, ...]:
    """Return the names of the tools that a caller gets."""
    return tuple(
        name
        for name in NEEDS
        if is_offered(name, links=links, link_store=link_store) and is_granted(name, grants)
    )
