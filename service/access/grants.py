"""Decide whether a caller's grants allow an access request. Pure.

Deny by default: no grant, no access. If several grants cover a request, it is enough that one
allows it. A refusal is a value. `Denied` tells the caller nothing about what lies outside its
grants. `Limited` names the limit, which is the caller's own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from service.access.content_types import matches_content_type, suggested_content_type

WEEK: Final = 604_800  # seconds
LONGEST_LINK: Final = 31_536_000  # seconds: a share link ends after a year


class Operation(StrEnum):
    DOWNLOAD = "download"
    UPLOAD = "upload"
    FORM = "form"
    MULTIPART = "multipart"
    HEAD = "head"
    DELETE = "delete"
    LIST = "list"
    CHECK = "check"
    VERSIONS = "versions"
    LINK = "link"
    CREDENTIALS = "credentials"
    SIGN = "sign"

    __hash__ = str.__hash__  # every request looks into sets of these; an enum's own hash is slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A subject of an issuer, or the name of an API key; `issuer` is then None."""

    issuer: str | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A `prefix` that is empty or ends in `/` covers all keys below it; any other, one key.

    None as a limit means no limit. `max_link_expires_in` is in seconds, and only for `link`.
    """

    bucket: str
    prefix: str
    allow: frozenset[Operation]
    max_expires_in: int | None = None
    max_content_length: int | None = None
    content_types: tuple[str, ...] | None = None
    max_keys: int | None = None
    allow_overwrite: bool = False
    max_link_expires_in: int = WEEK

    @property
    def covers_subtree(self) -> bool:
        """Whether it covers all keys below its prefix, not just one key."""
        return not self.prefix or self.prefix.endswith("/")


@dataclass(slots=True, kw_only=True)
class AccessRequest:  # not frozen: see presigning/requests.py
    """What a request needs a grant for. With `subtree`: for all keys that start with `key`.

    `content_length` is exact, or with `is_max_length` the most bytes that there may be. The grant
    must also allow `through`, if it is set: `sign` for a client's own request.
    """

    operation: Operation
    bucket: str
    key: str
    subtree: bool = False
    content_length: int | None = None
    is_max_length: bool = False
    content_type: str | None = None
    content_type_prefix: str | None = None
    overwrite: bool = False
    has_if_match: bool = False
    version: bool = False
    max_keys: int | None = None
    declares_content_type: bool = (
        True  # not for later calls of an upload, whose type is already fixed
    )
    through: Operation | None = None


@dataclass(slots=True)
class Allowed:
    """`max_expires_in` is the longest lifetime of any grant that allows it; None means no limit."""

    max_expires_in: int | None


@dataclass(frozen=True, slots=True)
class Denied:
    """No grant covers bucket, key and operation."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A grant covers the request, but not the value at `pointer`; `detail` names the limit.

    `missing` means that the grant requires a field which the request does not have.
    """

    pointer: str
    detail: str
    missing: bool = False


Decision = Allowed | Denied | Limited


def decide(grants: Iterable[Grant], request: AccessRequest) -> Decision:
    first_limit: Limited | None = None
    lifetimes: list[int | None] = []
    for grant in grants:
        if covers(grant, request):
            limit = violated_limit(grant, request)
            if limit is None:
                lifetimes.append(grant.max_expires_in)
            first_limit = first_limit or limit
    if lifetimes:
        known = [lifetime for lifetime in lifetimes if lifetime is not None]
        return Allowed(max(known) if len(known) == len(lifetimes) else None)
    return first_limit or Denied()


def covers(grant: Grant, request: AccessRequest) -> bool:
    return (
        grant.bucket == request.bucket
        and request.operation in grant.allow
        and (request.through is None or request.through in grant.allow)
        and _covers_key(grant, request)
    )


def allowed_content_type(grants: Iterable[Grant], request: AccessRequest) -> str | None:
    """Return the content type that the key of an upload suggests, if a grant allows it there."""
    suggested = suggested_content_type(request.key)
    if suggested is None:
        return None
    decision = decide(grants, replace(request, content_type=suggested))
    return suggested if isinstance(decision, Allowed) else None


def may_overwrite(grants: Iterable[Grant], request: AccessRequest) -> bool:
    """Return whether a grant allows this upload to replace an object."""
    return isinstance(decide(grants, replace(request, overwrite=True)), Allowed)


def max_upload_size(grants: Iterable[Grant], request: AccessRequest, most: int) -> int:
    """Return the largest size in bytes, up to `most`, that a grant allows for this request.

    0 if no grant allows the rest of it: a request for 0 bytes is then refused with the reason.
    """
    return _largest(grants, request, most, lambda grant: grant.max_content_length)


def max_link_expires_in(grants: Iterable[Grant], request: AccessRequest) -> int | None:
    """Return the longest lifetime, in seconds, of a share link to what `request` is about.

    None if no grant allows both the request's operation there and `link`.
    """
    lifetimes = (
        grant.max_link_expires_in
        for grant in grants
        if Operation.LINK in grant.allow and covers(grant, request)
    )
    return max(lifetimes, default=None)


def most_keys(grants: Iterable[Grant], request: AccessRequest, most: int) -> int:
    """Return the largest page, up to `most` keys, that a grant allows for this request, or 0."""
    return _largest(grants, request, most, lambda grant: grant.max_keys)


class DecisionScope(NamedTuple):
    """Keys that share one decision: those under `prefix`, but under none of `others`."""

    prefix: str
    others: tuple[str, ...]

    def contains(self, key: str) -> bool:
        return key.startswith(self.prefix) and not key.startswith(self.others)


def decision_scope(grants: Iterable[Grant], request: AccessRequest) -> DecisionScope | None:
    """Return the scope of a decision about one key, or None if a grant names that very key.

    It may be too narrow, since it excludes every key that starts with another grant's prefix.
    """
    bucket, needed = request.bucket, {request.operation, request.through or request.operation}
    candidates = [each for each in grants if each.bucket == bucket and needed <= each.allow]
    covering = [grant for grant in candidates if _covers_key(grant, request)]
    if request.subtree or not all(grant.covers_subtree for grant in covering):
        return None
    others = tuple(grant.prefix for grant in candidates if grant not in covering)
    return DecisionScope(max((grant.prefix for grant in covering), key=len, default=""), others)


def violated_limit(grant: Grant, request: AccessRequest) -> Limited | None:
    """Return the first limit of the grant that the request violates."""
    if (limit := _violated_permission(grant, request)) is not None:
        return limit
    if _above(request.max_keys, grant.max_keys):
        return Limited("#/max_keys", f"Your grant allows at most {grant.max_keys} keys a page.")
    if _above(request.content_length, grant.max_content_length):
        pointer = "#/max_content_length" if request.is_max_length else "#/content_length"
        return Limited(pointer, f"Your grant allows at most {grant.max_content_length} bytes.")
    if grant.max_content_length is not None and _hides_its_size(request):
        detail = f"Your grant allows at most {grant.max_content_length} bytes. Send Content-Length."
        return Limited("#/content_length", detail, missing=True)
    typed = request.operation in _TYPED and request.declares_content_type
    if grant.content_types is None or not typed:
        return None
    return _violated_type(grant.content_types, request)


def _violated_permission(grant: Grant, request: AccessRequest) -> Limited | None:
    if request.version and Operation.VERSIONS not in grant.allow:
        pointer = "#" if request.operation is Operation.LIST else "#/version_id"
        return Limited(pointer, "Your grant does not allow versions.")
    if request.overwrite and not grant.allow_overwrite:
        pointer = "#/if_match" if request.has_if_match else "#/overwrite"
        return Limited(pointer, "Your grant does not allow overwriting.")
    # docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: needs s3:GetObject.
    if request.has_if_match and grant.allow.isdisjoint(_READS):
        return Limited("#/if_match", "if_match needs read access, which your grant does not give.")
    return None


def _violated_type(patterns: tuple[str, ...], request: AccessRequest) -> Limited | None:
    detail = f"Your grant allows these types: {', '.join(patterns)}."
    if request.content_type_prefix is not None:
        # Every prefix includes a type that browsers run, which no wildcard matches.
        return Limited("#/content_type_prefix", f"{detail} Give one as content_type.")
    if request.content_type is None:
        return Limited("#/content_type", f"{detail} Give one.", missing=True)
    if any(matches_content_type(pattern, request.content_type) for pattern in patterns):
        return None
    return Limited("#/content_type", detail)


def _covers_key(grant: Grant, request: AccessRequest) -> bool:
    if grant.covers_subtree:
        return request.key.startswith(grant.prefix)
    return grant.prefix == request.key and not request.subtree


def _largest(
    grants: Iterable[Grant],
    request: AccessRequest,
    most: int,
    limit_of: Callable[[Grant], int | None],
) -> int:
    covering = [grant for grant in grants if covers(grant, request)]
    limits = [limit_of(grant) for grant in covering if violated_limit(grant, request) is None]
    return max((most if limit is None else min(limit, most) for limit in limits), default=0)


def _hides_its_size(request: AccessRequest) -> bool:
    """Whether it is an upload of a client's own, whose size would not be signed."""
    is_upload = request.operation is Operation.UPLOAD and request.through is Operation.SIGN
    return is_upload and request.content_length is None


def _above(value: int | None, limit: int | None) -> bool:
    return value is not None and limit is not None and value > limit


_TYPED = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})
_READS = frozenset({Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK})
