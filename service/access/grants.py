"""Who may ask for what. Pure: a caller's grants and a demand in, a decision out.

Deny by default: no grant, no access. Where several grants cover a demand, any one that allows it is
enough. A refusal is a value, of two kinds that tell a caller differently much: `Forbidden` says
nothing, since what lies outside the caller's grants is not its business; `LimitExceeded` names the
limit, which is the caller's own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from service.access.content_types import matches_content_type


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

    __hash__ = str.__hash__  # an enum's own is Python, and each request looks into sets of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A subject of an issuer, or the name of an API key (then `issuer` is None). Never match across."""

    issuer: str | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """`prefix` ends in `/` and covers what is below, or names one key; empty covers the bucket.

    A limit that is None does not limit.
    """

    bucket: str
    prefix: str
    allow: frozenset[Operation]
    max_expires_in: int | None = None
    max_content_length: int | None = None
    content_types: tuple[str, ...] | None = None
    max_keys: int | None = None
    allow_overwrite: bool = False

    @property
    def covers_subtree(self) -> bool:
        """Whether it covers all keys below its prefix, or one key alone."""
        return not self.prefix or self.prefix.endswith("/")


@dataclass(slots=True, kw_only=True)
class AccessRequest:  # not frozen: see presigning/requests.py
    """What is asked for. With `subtree`, for all keys that start with `key`, not for that one alone."""

    operation: Operation
    bucket: str
    key: str
    subtree: bool = False
    content_length: int | None = None
    content_type: str | None = None
    content_type_prefix: str | None = None
    overwrite: bool = False
    has_if_match: bool = False  # with the object that stands, by its ETag
    version: bool = False
    max_keys: int | None = None
    declares_content_type: bool = True  # later calls of an upload do not: its type is settled


@dataclass(slots=True)
class Allowed:
    """`max_expires_in` is the longest that an allowing grant gives; None is no limit."""

    max_expires_in: int | None


@dataclass(frozen=True, slots=True)
class Denied:
    """Nothing of the caller's covers bucket, key and operation."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A grant covers the demand, but for the field at `pointer`; `detail` names its limit.

    `missing`: the limit asks for a field which was left out.
    """

    pointer: str
    detail: str
    missing: bool = False


Decision = Allowed | Denied | Limited


def decide(grants: Iterable[Grant], access_request: AccessRequest) -> Decision:
    covering = [grant for grant in grants if covers(grant, access_request)]
    if not covering:
        return Denied()
    limits = [violated_limit(grant, access_request) for grant in covering]
    allowing = [grant for grant, limit in zip(covering, limits, strict=True) if limit is None]
    if allowing:
        return Allowed(_longest(grant.max_expires_in for grant in allowing))
    return next(limit for limit in limits if limit is not None)


def covers(grant: Grant, access_request: AccessRequest) -> bool:
    return (
        grant.bucket == access_request.bucket
        and access_request.operation in grant.allow
        and _covers_key(grant, access_request)
    )


def max_upload_size(grants: Iterable[Grant], access_request: AccessRequest, most: int) -> int:
    """The greatest length, up to `most`, that is allowed by a grant which allows all else.

    0 where none does: whoever asks for that is told what else is wrong.
    """
    allowing = _allowing(grants, access_request)
    return _greatest((grant.max_content_length for grant in allowing), most)


def most_keys(grants: Iterable[Grant], access_request: AccessRequest, most: int) -> int:
    """The largest page, up to `most`, that is allowed by a grant which allows all else; or 0."""
    return _greatest((grant.max_keys for grant in _allowing(grants, access_request)), most)


class DecisionScope(NamedTuple):
    """The keys for which `decide` says the same as for one of them: below `prefix`, and below no other."""

    prefix: str
    others: tuple[str, ...]

    def contains(self, key: str) -> bool:
        return key.startswith(self.prefix) and not key.startswith(self.others)


def decision_scope(grants: Iterable[Grant], access_request: AccessRequest) -> DecisionScope | None:
    """Of a demand for one key. None where a grant names that very key.

    It may be too narrow, for a key that starts as another grant's does is left out.
    """
    could = [
        grant
        for grant in grants
        if grant.bucket == access_request.bucket and access_request.operation in grant.allow
    ]
    covering = [grant for grant in could if _covers_key(grant, access_request)]
    if access_request.subtree or not all(grant.covers_subtree for grant in covering):
        return None
    others = tuple(grant.prefix for grant in could if grant not in covering)
    return DecisionScope(max((grant.prefix for grant in covering), key=len, default=""), others)


def violated_limit(grant: Grant, access_request: AccessRequest) -> Limited | None:
    """The first limit of the grant that the demand breaks."""
    if access_request.version and Operation.VERSIONS not in grant.allow:
        return Limited("#/version_id", "Your grant does not allow versions.")
    if (limit := _violated_overwrite(grant, access_request)) is not None:
        return limit
    if _above(access_request.max_keys, grant.max_keys):
        return Limited("#/max_keys", f"Your grant allows at most {grant.max_keys} keys a page.")
    if _above(access_request.content_length, grant.max_content_length):
        field = (
            "max_content_length" if access_request.operation is Operation.FORM else "content_length"
        )
        detail = f"Your grant allows at most {grant.max_content_length} bytes."
        return Limited(f"#/{field}", detail)
    typed = access_request.operation in _TYPED and access_request.declares_content_type
    if grant.content_types is None or not typed:
        return None
    return _violated_type(grant.content_types, access_request)


def _violated_overwrite(grant: Grant, access_request: AccessRequest) -> Limited | None:
    pointer = "#/if_match" if access_request.has_if_match else "#/overwrite"
    if access_request.overwrite and not grant.allow_overwrite:
        return Limited(pointer, "Your grant does not allow to overwrite.")
    # S3 asks for s3:GetObject too: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    if access_request.has_if_match and grant.allow.isdisjoint(_READS):
        return Limited(pointer, "Your grant does not allow to read, which if_match needs.")
    return None


def _violated_type(patterns: tuple[str, ...], access_request: AccessRequest) -> Limited | None:
    detail = f"Your grant allows these types: {', '.join(patterns)}."
    if access_request.content_type_prefix is not None:
        # Every prefix lets in some type that a browser runs, which no wildcard admits.
        return Limited("#/content_type_prefix", f"{detail} Give one as content_type.")
    if access_request.content_type is None:
        return Limited("#/content_type", f"{detail} Give one.", missing=True)
    if any(matches_content_type(pattern, access_request.content_type) for pattern in patterns):
        return None
    return Limited("#/content_type", detail)


def _covers_key(grant: Grant, access_request: AccessRequest) -> bool:
    if grant.covers_subtree:
        return access_request.key.startswith(grant.prefix)
    return grant.prefix == access_request.key and not access_request.subtree


def _allowing(grants: Iterable[Grant], access_request: AccessRequest) -> Iterator[Grant]:
    for grant in grants:
        if covers(grant, access_request) and violated_limit(grant, access_request) is None:
            yield grant


def _greatest(limits: Iterable[int | None], most: int) -> int:
    return max((min(most if limit is None else limit, most) for limit in limits), default=0)


def _above(value: int | None, limit: int | None) -> bool:
    return value is not None and limit is not None and value > limit


def _longest(limits: Iterable[int | None]) -> int | None:
    known = list(limits)
    return None if None in known else max(limit for limit in known if limit is not None)


_TYPED = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})
_READS = frozenset({Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK})
