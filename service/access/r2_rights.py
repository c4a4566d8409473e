"""Compile a caller's grants on one bucket of R2 into what tokens may do, which R2 enforces. Pure.

A token allows each of its actions on each of its paths. So there is one for each operation, with
the prefixes that have it. Equal grants give equal text, since it is part of the key of a session.

Actions and paths: developers.cloudflare.com/r2/api/s3/temporary-credentials.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.access.grants import Grant, Operation
from service.access.iam_patterns import patterns_of, widest
from service.errors import InvalidRequest

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
_COPY: Final = ("CopyObject", "GetObject")
# The target of a copy is written, and its source is read. Both are signed.
_COPIED: Final = frozenset({Operation.UPLOAD, Operation.DOWNLOAD})

encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def operation_rights(grants: Iterable[Grant]) -> dict[Operation, str]:
    """Return what the token of each operation may do that `grants`, all on this bucket, allow."""
    granted = list(grants)
    allowed = frozenset[Operation]().union(*(grant.allow for grant in granted))
    return {
        operation: _rights(actions, granted, frozenset({operation}))
        for operation, actions in ACTIONS.items()
        if operation in allowed
    }


def copy_rights(grants: Iterable[Grant]) -> str | None:
    """Return what the token of a caller's copies within the bucket may do.

    None unless the caller may download exactly what it may upload. Anyone who has the URL of a copy
    has the token, which reads all of its paths and writes all of them.
    """
    granted = list(grants)
    read, written = (widest(patterns_of(granted, frozenset({each}))) for each in _COPIED)
    return _rights(_COPY, granted, _COPIED) if read == written else None


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
    return _rights(tuple(dict.fromkeys(actions)), granted, first)


def no_rights() -> str:
    """Return what the token of a bucket's own session may do, which only shows that keys sign."""
    return _text(("HeadObject",), {"objectPaths": ["presign-signs-nothing-with-this"]})


def reading_rights() -> str:
    """Return what an operator's look at the bucket needs."""
    return _text(("GetObject", "HeadObject", "ListObjectsV2"), None)


def _rights(actions: tuple[str, ...], grants: list[Grant], operations: frozenset[Operation]) -> str:
    # As patterns of IAM, of which a longer one never covers a shorter: `*` ends a prefix.
    patterns = widest(patterns_of(grants, operations))
    if patterns == ("*",):
        return _text(actions, None)
    prefixes = [each.removesuffix("*") for each in patterns if each.endswith("/*")]
    keys = [each for each in patterns if not each.endswith("/*")]
    paths = {"prefixPaths": prefixes, "objectPaths": keys}
    return _text(actions, {name: each for name, each in paths.items() if each})


def _text(actions: tuple[str, ...], paths: Mapping[str, list[str]] | None) -> str:
    rights: dict[str, Any] = {
        "scope": _READ_ONLY if _READS.issuperset(actions) else _READ_WRITE,
        "actions": actions,
        **({} if paths is None else {"paths": paths}),
    }
    return encode(rights)
