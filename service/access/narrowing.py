"""Narrows a caller's grants to what a program requests for its credentials. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from service.access.grants import Grant, Operation
from service.errors import InvalidRequest
from service.signing.validation import check_prefix

# IAM cannot separate `head` and `check` from a download, nor a form's upload from any other. So
# credentials never have these.
_READS: Final = frozenset({Operation.DOWNLOAD, Operation.LIST, Operation.VERSIONS})
_WRITES: Final = frozenset(
    {Operation.UPLOAD, Operation.MULTIPART, Operation.DELETE, Operation.VERSIONS}
)
VENDABLE: Final = _READS | _WRITES

_PATTERN = re.compile(r"[*?$\\]")  # in a policy these match other text, or start a variable


class Permission(StrEnum):
    """As S3 Access Grants call them."""

    READ = "READ"
    WRITE = "WRITE"
    READWRITE = "READWRITE"


_OPERATIONS: Final[Mapping[Permission, frozenset[Operation]]] = {
    Permission.READ: _READS,
    Permission.WRITE: _WRITES,
    Permission.READWRITE: VENDABLE,
}


def vended_grants(
    grants: Iterable[Grant], bucket: str, prefix: str, permission: Permission
) -> list[Grant]:
    """Return what the grants with `credentials` allow of `permission` below `prefix`.

    A prefix that is empty or ends in `/` covers all keys below it; any other, one key. The result
    is empty if they allow nothing of it. Raises InvalidRequest for a prefix that no policy can
    have.
    """
    check_prefix(prefix)
    if _PATTERN.search(prefix):
        raise InvalidRequest("A prefix cannot contain *, ?, $ or a backslash.", pointer="#/prefix")
    asked = Grant(bucket=bucket, prefix=prefix, allow=_OPERATIONS[permission])
    found = (
        _common(grant, asked)
        for grant in grants
        if grant.bucket == bucket and Operation.CREDENTIALS in grant.allow
    )
    return [grant for grant in found if grant is not None]


def _common(grant: Grant, asked: Grant) -> Grant | None:
    """Return the part of the grant that was asked for, or None if there is none."""
    if _contains(grant, asked.prefix):
        prefix = asked.prefix
    elif _contains(asked, grant.prefix):
        prefix = grant.prefix
    else:
        return None
    common = replace(grant, prefix=prefix, allow=grant.allow & asked.allow)
    if not common.covers_subtree:  # a policy cannot list one key
        common = replace(common, allow=common.allow - {Operation.LIST})
    return common if common.allow - {Operation.VERSIONS} else None


def _contains(grant: Grant, prefix: str) -> bool:
    return prefix.startswith(grant.prefix) if grant.covers_subtree else prefix == grant.prefix
