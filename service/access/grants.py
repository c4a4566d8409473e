"""Decide whether a caller's grants allow an access request. Pure.

Deny by default: no grant, no access. If several grants cover a request, it is enough that one
allows it. A refusal is a value. `Denied` tells the caller nothing about what lies outside its
grants. `Limited` names the limit, which is the caller's own.

No decision walks over a caller's grants: those that cover a key are looked up by its parts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Final

from service.access.content_types import matches_content_type, suggested_content_type
from service.access.prefixes import PrefixTable

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
    NOTIFY = "notify"

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

    `content_length` is exact, or with `is_max_length` the most bytes that there may be.
    `also_needs` is a second operation that the grant must allow: `sign` for a client's own request.
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
    declares_content_type: bool = True  # not for calls of an upload whose type is fixed
    is_copy: bool = False  # size and type are another object's, unless a client declares them
    also_needs: Operation | None = None


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


@dataclass(frozen=True, slots=True, eq=False)
class DecisionScope:
    """Keys that share each decision: the grants that cover them have the same limits.

    `grants` are one for each set of limits, in the caller's order.
    """

    grants: tuple[Grant, ...]


ScopeTable = PrefixTable[DecisionScope]
_limits_of = attrgetter(*({each.name for each in fields(Grant)} - {"bucket", "prefix"}))


class Grants(tuple[Grant, ...]):  # noqa: SLOT001 - Python allows a tuple no other slots
    """A caller's grants. Its tables are made when they are first needed."""

    def __init__(self, _: Iterable[Grant] = ()) -> None:
        self._buckets = {grant.bucket for grant in self}
        self._tables: dict[tuple[str, Operation, Operation | None], ScopeTable] = {}

    def table(
        self, bucket: str, operation: Operation, also_needs: Operation | None = None
    ) -> ScopeTable:
        """Return the scopes in a bucket, for grants that allow the one or two operations."""
        at = (bucket, operation, also_needs)
        if (table := self._tables.get(at)) is None:
            if bucket not in self._buckets:
                return _NO_SCOPES
            needed = {operation, also_needs or operation}
            own = [grant for grant in self if grant.bucket == bucket and needed <= grant.allow]
            table = self._tables[at] = _scopes(own)
        return table

    def scope(self, request: AccessRequest) -> DecisionScope:
        table = self.table(request.bucket, request.operation, request.also_needs)
        return table.find(request.key, subtree=request.subtree)

    def covering(self, request: AccessRequest) -> tuple[Grant, ...]:
        """Return the grants that cover a request: one for each set of limits."""
        return self.scope(request).grants


def _scopes(grants: Sequence[Grant]) -> ScopeTable:
    known: dict[tuple[object, ...], DecisionScope] = {}

    def scope_of(covering: Iterable[Grant]) -> DecisionScope:
        distinct = {_limits_of(grant): grant for grant in covering}
        return known.setdefault(tuple(distinct), DecisionScope(tuple(distinct.values())))

    return PrefixTable([(grant.prefix, grant) for grant in grants], scope_of)


_NO_SCOPES: Final = _scopes(())


def decide(grants: Grants, request: AccessRequest) -> Decision:
    first_limit: Limited | None = None
    lifetimes: list[int | None] = []
    for grant in grants.covering(request):
        limit = violated_limit(grant, request)
        if limit is None:
            lifetimes.append(grant.max_expires_in)
        first_limit = first_limit or limit
    if lifetimes:
        known = [lifetime for lifetime in lifetimes if lifetime is not None]
        return Allowed(max(known) if len(known) == len(lifetimes) else None)
    return first_limit or Denied()


def allowed_content_type(grants: Grants, request: AccessRequest) -> str | None:
    """Return the content type that the key of an upload suggests, if a grant allows it there."""
    suggested = suggested_content_type(request.key)
    if suggested is None:
        return None
    decision = decide(grants, replace(request, content_type=suggested))
    return suggested if isinstance(decision, Allowed) else None


def may_overwrite(grants: Grants, request: AccessRequest) -> bool:
    return isinstance(decide(grants, replace(request, overwrite=True)), Allowed)


def max_upload_size(grants: Grants, request: AccessRequest, upper_bound: int) -> int:
    """Return the largest size in bytes, up to `upper_bound`, that a grant allows for this request.

    0 if no grant allows the rest of it: a request for 0 bytes is then refused with the reason.
    """
    return _largest_limit(grants, request, upper_bound, lambda grant: grant.max_content_length)


def max_link_expires_in(grants: Grants, request: AccessRequest) -> int | None:
    """Return the longest lifetime, in seconds, of a share link to what `request` is about.

    None if no grant allows both the request's operation there and `link`.
    """
    lifetimes = (
        grant.max_link_expires_in
        for grant in grants.covering(request)
        if Operation.LINK in grant.allow
    )
    return max(lifetimes, default=None)


def max_page_size(grants: Grants, request: AccessRequest, upper_bound: int) -> int:
    """Return the most keys, up to `upper_bound`, that a grant allows on this page, or 0."""
    return _largest_limit(grants, request, upper_bound, lambda grant: grant.max_keys)


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
    # …/AmazonS3/latest/userguide/conditional-writes.html: needs s3:GetObject.
    if request.has_if_match and grant.allow.isdisjoint(_READS):
        return Limited("#/if_match", "if_match needs read access, which your grant does not give.")
    limited = grant.max_content_length is not None or grant.content_types is not None
    return _COPY if limited and request.is_copy and not request.also_needs else None


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


def _largest_limit(
    grants: Grants,
    request: AccessRequest,
    upper_bound: int,
    limit_of: Callable[[Grant], int | None],
) -> int:
    limits = [limit_of(g) for g in grants.covering(request) if violated_limit(g, request) is None]
    largest = max((upper_bound if each is None else each for each in limits), default=0)
    return min(largest, upper_bound)


def _hides_its_size(request: AccessRequest) -> bool:
    """Whether it is an upload of a client's own, whose size would not be signed."""
    is_upload = request.operation is Operation.UPLOAD and request.also_needs is Operation.SIGN
    return is_upload and request.content_length is None


def _above(value: int | None, limit: int | None) -> bool:
    return value is not None and limit is not None and value > limit


_COPY = Limited("#/key", "Your grant limits size or type, which a copy does not declare.")
_TYPED = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})
_READS = frozenset({Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK})
