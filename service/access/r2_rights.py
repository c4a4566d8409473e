"""What tokens of R2 may do of a caller's grants on one bucket, which R2 enforces. Pure.

A token allows each of its actions on each of its paths. So each request has a token of its own, for
one call. It is cut out of the rights of the caller's session, which are compiled from the grants
here, apart from the decision about the request. A program with credentials has one token for all of
its paths. Equal grants give equal text, since it is part of the key of a session.

Actions and paths: developers.cloudflare.com/r2/api/s3/temporary-credentials.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from service.access.grants import Grant, Operation
from service.access.iam_patterns import patterns_of, widest
from service.errors import InvalidRequest
from service.signing.signer import SignedCall

_READ_ONLY: Final = "object-read-only"
_READ_WRITE: Final = "object-read-write"
ACTIONS: Final[Mapping[Operation, tuple[str, ...]]] = {
    Operation.DOWNLOAD: ("GetObject", "HeadObject"),
    Operation.HEAD: ("HeadObject",),
    Operation.UPLOAD: ("PutObject",),
    Operation.FORM: ("PutObject",),
    Operation.MULTIPART: (
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
        "ListParts",
    ),
    Operation.DELETE: ("DeleteObject",),
    Operation.LIST: ("ListObjectsV2",),
    Operation.CHECK: ("HeadObject", "ListObjectsV2"),
}
_READS: Final = frozenset({"GetObject", "HeadObject", "ListObjectsV2"})
# The target of a copy is written, and its source is read. The token does both with both.
_COPY: Final = ("CopyObject", "GetObject")
_COPIED: Final = (frozenset({Operation.DOWNLOAD}), frozenset({Operation.UPLOAD}))

encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Rights:
    """Each of `actions` on each of `keys`, and on all keys below each of `prefixes`."""

    actions: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, actions: Iterable[str], grants: Iterable[Grant], *any_of: Operation) -> Self:
        """Return them for the keys of those grants that allow one of these operations."""
        # As patterns of IAM, of which a longer one never covers a shorter: `*` ends a prefix.
        patterns = widest(patterns_of(grants, frozenset(any_of)))
        below = [each.removesuffix("*") for each in patterns if each == "*" or each[-2:] == "/*"]
        keys = [each for each in patterns if each != "*" and each[-2:] != "/*"]
        return cls(tuple(actions), tuple(below), tuple(keys))

    def claims(self) -> dict[str, Any]:
        """Return them as a token has them. All keys are no paths."""
        # R2 would take one without actions or paths for more.
        assert self.actions
        assert self.prefixes or self.keys
        scope = _READ_ONLY if _READS.issuperset(self.actions) else _READ_WRITE
        found: dict[str, Any] = {"scope": scope, "actions": [*self.actions]}
        if "" not in self.prefixes:
            paths = {"prefixPaths": [*self.prefixes], "objectPaths": [*self.keys]}
            found["paths"] = {name: each for name, each in paths.items() if each}
        return found

    def part(self, call: SignedCall) -> "Rights | None":
        """Return what of them a call needs, or None if they lack some of it."""
        actions = _COPY if call.action == _COPY[0] else (call.action,)
        if not set(actions) <= {*self.actions}:
            return None
        if call.prefix is not None and call.prefix.startswith(self.prefixes):
            return Rights(actions, prefixes=(call.prefix,))
        # A list may look for one key.
        keys = call.keys if call.prefix is None else (call.prefix,)
        has_all = all(key.startswith(self.prefixes) or key in self.keys for key in keys)
        return Rights(actions, keys=keys) if keys and has_all else None


# What no caller has: there is no such object.
NOTHING: Final = Rights(("HeadObject",), keys=("presign-signs-nothing-with-this",))


def rights_in(text: str) -> tuple[Rights, ...]:
    """Return the rights in the text of a session."""
    return tuple(map(_read, json.loads(text)))


def call_rights(rights: Sequence[Rights], call: SignedCall) -> Rights:
    """Return what the token of one call may do, of the `rights` of a session.

    If they do not cover the call it may do nothing, and R2 refuses the call.
    """
    return next(filter(None, (each.part(call) for each in rights)), NOTHING)


def session_rights(grants: Iterable[Grant]) -> str:
    """Return what the tokens of a caller's calls may do, of which each has a part."""
    granted = list(grants)
    allowed = frozenset[Operation]().union(*(grant.allow for grant in granted))
    found = [
        Rights.of(actions, granted, operation)
        for operation, actions in ACTIONS.items()
        if operation in allowed
    ]
    if may_copy(granted):
        found.append(Rights.of(_COPY, granted, Operation.UPLOAD))
    return _text(found)


def may_copy(grants: Iterable[Grant]) -> bool:
    """Whether a caller may copy within the bucket: where it may upload what it may download.

    Anyone who has the URL of a copy has its token, which reads and writes the target and the
    source.
    """
    granted = list(grants)
    read, written = (widest(patterns_of(granted, each)) for each in _COPIED)
    return bool(read) and read == written


def vended_rights(grants: Iterable[Grant]) -> str:
    """Return what the token of a program may do, which gets its credentials.

    Raises InvalidRequest unless all of `grants` have the same operations, as all paths of a token.
    """
    granted = list(grants)
    first, *others = (grant.allow - {Operation.VERSIONS} for grant in granted)
    if any(allow != first for allow in others):
        detail = (
            "A token of R2 has the same operations on all its paths, and these grants have not. "
            "Name a prefix whose grants have."
        )
        raise InvalidRequest(detail, pointer="#/prefix")
    actions = [name for each, names in ACTIONS.items() if each in first for name in names]
    return _text([Rights.of(dict.fromkeys(actions), granted, *first)])


def no_rights() -> str:
    """Return what a bucket's own session may do, which only shows that keys sign."""
    return _text([])


def reading_rights() -> str:
    """Return what an operator's look at the bucket needs."""
    return _text([Rights(("GetObject", "HeadObject", "ListObjectsV2"), prefixes=("",))])


def _text(rights: Iterable[Rights]) -> str:
    return encode([each.claims() for each in rights])


def _read(claims: Mapping[str, Any]) -> Rights:
    paths = claims.get("paths", {"prefixPaths": [""]})
    prefixes, keys = (paths.get(name, ()) for name in ("prefixPaths", "objectPaths"))
    return Rights(tuple(claims["actions"]), tuple(prefixes), tuple(keys))
