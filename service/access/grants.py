"""What a caller may do, and what a request needs. Pure.

No decision walks over a caller's grants: those that cover a key are looked up by its parts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import Final

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


# Those whose requests need s3:GetObject.
READS: Final = frozenset({Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK})
# By which a program with credentials may begin an upload.
PUTS: Final = frozenset({Operation.UPLOAD, Operation.MULTIPART})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A subject of an issuer, or the name of an API key; `issuer` is then None."""

    issuer: str | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the store keeps of a grant: from where requests are sent, and which objects are read.

    A request must come from one of `networks` or by one of `vpc_endpoints`, if there are any, and
    an object must have all tags of `only_if_tagged`. Equal conditions are equal values: each is
    sorted, and at least one is not empty.
    """

    networks: tuple[str, ...] = ()
    vpc_endpoints: tuple[str, ...] = ()
    only_if_tagged: tuple[tuple[str, str], ...] = ()


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
    conditions: Conditions | None = None

    @property
    def covers_subtree(self) -> bool:
        """Whether it covers all keys below its prefix, not just one key."""
        return not self.prefix or self.prefix.endswith("/")


# Of what an upload declares and a copy does not. IAM keeps none of them.
CONTENT_LIMITS: Final = ("max_content_length", "content_types")


def has_content_limit(grant: Grant) -> bool:
    return any(getattr(grant, name) is not None for name in CONTENT_LIMITS)


def of_buckets(grants: Iterable[Grant]) -> dict[str, list[Grant]]:
    """Return the grants by bucket."""
    found = defaultdict[str, list[Grant]](list)
    for grant in grants:
        found[grant.bucket].append(grant)
    return found


def foremost(grants: Sequence[Grant]) -> Sequence[Grant]:
    """Return those of some grants that one session is for: all have the same conditions.

    These are none if a grant has none, and without tags if a grant has no tags. Otherwise they are
    those of the first.
    """
    if len(grants) == 1 or all(grant.conditions is None for grant in grants):
        return grants
    chosen = min((grant.conditions for grant in grants), key=_strictness)
    return [grant for grant in grants if grant.conditions == chosen]


def _strictness(conditions: Conditions | None) -> int:
    return 0 if conditions is None else 1 + bool(conditions.only_if_tagged)


@dataclass(slots=True, kw_only=True)
class AccessRequest:  # not frozen: see presigning/requests.py
    """What a request needs a grant for. With `is_prefix`: for all keys that start with `key`.

    `content_length` is exact, or with `is_max_length` the most bytes that there may be.
    `also_needs` is a second operation that the grant must allow: `sign` for a client's own request.
    `tag_names` are those of an upload, which are at `tags_pointer`.
    """

    operation: Operation
    bucket: str
    key: str
    is_prefix: bool = False
    content_length: int | None = None
    is_max_length: bool = False
    content_type: str | None = None
    content_type_prefix: str | None = None
    overwrite: bool = False
    has_if_match: bool = False
    version: bool = False
    max_keys: int | None = None
    checks_content_type: bool = True  # not for calls of an upload whose type is fixed
    is_copy: bool = False  # size and type are another object's, unless a client declares them
    also_needs: Operation | None = None
    tag_names: tuple[str, ...] = ()
    tags_pointer: str = "#/tags"


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
            needed = frozenset({operation, also_needs or operation})
            own = [grant for grant in self if grant.bucket == bucket]
            if operation is Operation.MULTIPART:
                table = _scopes(own, partial(_of_one_upload, needed))
            else:
                table = _scopes([grant for grant in own if needed <= grant.allow])
            self._tables[at] = table
        return table

    def scope(self, request: AccessRequest) -> DecisionScope:
        table = self.table(request.bucket, request.operation, request.also_needs)
        return table.find(request.key, is_prefix=request.is_prefix)

    def covering(self, request: AccessRequest) -> tuple[Grant, ...]:
        """Return the grants that cover a request: one for each set of limits.

        Of a multipart upload only those that `_of_one_upload` returns count.
        """
        return self.scope(request).grants


def _of_one_upload(needed: frozenset[Operation], covering: Iterable[Grant]) -> list[Grant]:
    """Return the grants with the `needed` operations that decide about a multipart upload.

    Its parts name neither its type nor whether it overwrites. So a grant could allow its start,
    and one with other conditions its parts, whose URLs would then work from everywhere. Those that
    are `foremost` decide about all its calls alone, also about what only others would allow. There
    are none where a program with credentials may do what these do not allow. Where one that may
    only create begins uploads of more types, one that limits the type replaces nothing: the
    completion, which replaces, does not name the type.
    """
    grants = list(covering)
    deciding = foremost([grant for grant in grants if Operation.MULTIPART in grant.allow])
    programs = [
        grant
        for grant in grants
        if Operation.CREDENTIALS in grant.allow and not PUTS.isdisjoint(grant.allow)
    ]
    if not all(_may_share(deciding, program) for program in programs):
        return []
    creating = [grant for grant in (*deciding, *programs) if not grant.allow_overwrite]
    return [_beside(creating, grant) for grant in deciding if needed <= grant.allow]


def _beside(creating: Iterable[Grant], grant: Grant) -> Grant:
    """Return the grant, without `allow_overwrite` if one of `creating` begins other types."""
    types = grant.content_types
    if types is None or not grant.allow_overwrite:
        return grant
    begun = [each.content_types for each in creating]
    if all(each is not None and set(each) <= set(types) for each in begun):
        return grant
    return replace(grant, allow_overwrite=False)


def _may_share(deciding: Sequence[Grant], program: Grant) -> bool:
    """Whether an upload may have calls that a program signs, and calls that others decide about.

    Under conditions of its own it may start one with any content. It may also send the parts of
    one that is to replace an object: IAM cannot tell whether a part is of such an upload.
    """
    if not deciding or deciding[0].conditions == program.conditions:  # all have these
        return True
    replaces = any(grant.allow_overwrite for grant in deciding)
    if deciding[0].conditions and replaces and not program.allow_overwrite:
        return False
    return program.conditions is None or any(
        not has_content_limit(grant) and grant.allow_overwrite >= program.allow_overwrite
        for grant in deciding
    )


def _scopes(
    grants: Sequence[Grant],
    deciding: Callable[[Iterable[Grant]], Iterable[Grant]] = iter,
) -> ScopeTable:
    known: dict[tuple[object, ...], DecisionScope] = {}

    def scope_of(covering: Iterable[Grant]) -> DecisionScope:
        distinct = {_limits_of(grant): grant for grant in deciding(covering)}
        return known.setdefault(tuple(distinct), DecisionScope(tuple(distinct.values())))

    return PrefixTable([(grant.prefix, grant) for grant in grants], scope_of)


_NO_SCOPES: Final = _scopes(())
