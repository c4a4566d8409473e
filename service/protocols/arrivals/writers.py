"""Who wrote an object, as far as a record says so and can be believed. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from service.access.callers import CallerEntry
from service.sessions.source import SERVICE_NAME, session_name

_AWS: Final = "AWS"
# …/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_ROLE: Final = "AROA"

# The configured callers by the names of their sessions. None if several have the same.
Writers = Mapping[str, str | None]


def writers(entries: Iterable[CallerEntry]) -> Writers:
    found = defaultdict[str, set[tuple[str | None, str]]](set)
    for entry in entries:
        if entry.subject is not None and "*" not in entry.subject:
            owner = (entry.issuer, entry.subject)
            found[session_name(owner)].add(owner)
            found[session_name(owner, vended=True)].add(owner)
    return {
        name: next(iter(owners))[1] if len(owners) == 1 else None for name, owners in found.items()
    }


def writer(principal: str | None, role_id: str | None, known: Writers) -> str | None:
    """Return the caller whose session wrote an object, or the session's name.

    `role_id` is the unique id of the bucket's own role: a session of any other role may have any
    name. The session that callers share says nothing.
    """
    role, name = _session_of(principal)
    return (known.get(name) or name) if name and role == role_id else None


def may_be_a_caller(principal: str | None) -> bool:
    """Whether `writer` could return a caller, if the role were the bucket's own."""
    role, name = _session_of(principal)
    return bool(name) and role.startswith(_ROLE)


def _session_of(principal: str | None) -> tuple[str, str]:
    """Return the role's id and the session's name, or empty texts for what is no caller's."""
    kind, _, rest = (principal or "").partition(":")
    role, _, name = rest.partition(":")
    return ("", "") if kind != _AWS or name == SERVICE_NAME else (role, name)
