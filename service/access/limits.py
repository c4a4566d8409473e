"""The limits of a grant: what each refuses, and how it is described. Pure.

CONTRIBUTING.md says what else a new limit needs.
"""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from enum import Enum, auto
from typing import Any, Final

from service.access.content_types import matches_content_type
from service.access.create_only import UPLOADS
from service.access.grants import READS, AccessRequest, Grant, Operation, has_content_limit


@dataclass(frozen=True, slots=True)
class Limited:
    """A grant covers the request, but not the value at `pointer`; `detail` names the limit.

    `missing` means that the grant requires a field which the request does not have.
    """

    pointer: str
    detail: str
    missing: bool = False


class Unit(Enum):
    """The kind of a limit's value."""

    SECONDS = auto()
    BYTES = auto()
    NUMBER = auto()
    TYPES = auto()  # patterns of content types
    FLAG = auto()


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit, which is the field `name` of a grant and of its settings. None is no limit.

    `words` describe it, with {} for its value. `violated` is None if no request is refused for it.
    With `has_default` each grant has a value, even one that allows none of its `operations`.
    `concerns_others` means that it has an effect on more than its `operations`.
    """

    name: str
    unit: Unit
    operations: frozenset[Operation]
    words: str
    violated: Callable[[Grant, AccessRequest], Limited | None] | None = None
    _: KW_ONLY
    has_default: bool = False
    concerns_others: bool = False

    def is_looser(self, value: Any, than: Any) -> bool:
        """Whether a grant with `value` allows what one with `than` does not."""
        if than is None or value is None:
            return than is not None
        return set(value) > set(than) if self.unit is Unit.TYPES else bool(value > than)


def limits_of(grant: Grant) -> Iterator[tuple[Limit, Any]]:
    """Yield the limits that a grant has, with their values; no default that has no effect."""
    for limit in LIMITS:
        value = getattr(grant, limit.name)
        is_idle = limit.has_default and limit.operations.isdisjoint(grant.allow)
        if value is not None and not is_idle:
            yield limit, value


def violated_limit(grant: Grant, request: AccessRequest) -> Limited | None:
    """Return the first limit of the grant that the request violates."""
    if (limit := _violated_permission(grant, request)) is not None:
        return limit
    for violated in _CHECKS:
        if (limit := violated(grant, request)) is not None:
            return limit
    return None


def _violated_permission(grant: Grant, request: AccessRequest) -> Limited | None:
    if request.version and Operation.VERSIONS not in grant.allow:
        pointer = "#" if request.operation is Operation.LIST else "#/version_id"
        return Limited(pointer, "Your grant does not allow versions.")
    if request.overwrite and not grant.allow_overwrite:
        pointer = "#/if_match" if request.has_if_match else "#/overwrite"
        return Limited(pointer, "Your grant does not allow overwriting.")
    # …/AmazonS3/latest/userguide/conditional-writes.html: needs s3:GetObject.
    if request.has_if_match and grant.allow.isdisjoint(READS):
        return Limited("#/if_match", "if_match needs read access, which your grant does not give.")
    is_undeclared = request.is_copy and not request.also_needs
    return _COPY if is_undeclared and has_content_limit(grant) else None


def _violated_keys(grant: Grant, request: AccessRequest) -> Limited | None:
    most, keys = grant.max_keys, request.max_keys
    if most is None or keys is None or keys <= most:
        return None
    return Limited("#/max_keys", f"Your grant allows at most {most} keys a page.")


def _violated_size(grant: Grant, request: AccessRequest) -> Limited | None:
    most, size = grant.max_content_length, request.content_length
    if most is None or (size is not None and size <= most):
        return None
    if size is not None:
        pointer = "#/max_content_length" if request.is_max_length else "#/content_length"
        return Limited(pointer, f"Your grant allows at most {most} bytes.")
    # Only an upload of a client's own has no size that is signed.
    if request.operation is not Operation.UPLOAD or request.also_needs is not Operation.SIGN:
        return None
    detail = f"Your grant allows at most {most} bytes. Send Content-Length."
    return Limited("#/content_length", detail, missing=True)


def _violated_types(grant: Grant, request: AccessRequest) -> Limited | None:
    patterns = grant.content_types
    if patterns is None or request.operation not in UPLOADS or not request.checks_content_type:
        return None
    detail = f"Your grant allows these types: {', '.join(patterns)}."
    if request.content_type_prefix is not None:
        # Every prefix includes a type that browsers run, which no wildcard matches.
        return Limited("#/content_type_prefix", f"{detail} Give one as content_type.")
    if request.content_type is None:
        return Limited("#/content_type", f"{detail} Give one.", missing=True)
    if any(matches_content_type(pattern, request.content_type) for pattern in patterns):
        return None
    return Limited("#/content_type", detail)


_COPY = Limited("#/key", "Your grant limits size or type, which a copy does not declare.")

URLS: Final = UPLOADS | {Operation.DOWNLOAD, Operation.HEAD, Operation.DELETE, Operation.LIST}
_LISTS: Final = frozenset({Operation.LIST})
_LINKS: Final = frozenset({Operation.LINK})
LIMITS: Final = (
    Limit("max_expires_in", Unit.SECONDS, URLS, "URLs up to {}", concerns_others=True),
    Limit("max_content_length", Unit.BYTES, UPLOADS, "files up to {}", _violated_size),
    Limit("content_types", Unit.TYPES, UPLOADS, "only {}", _violated_types),
    Limit("max_keys", Unit.NUMBER, _LISTS, "at most {} keys a page", _violated_keys),
    Limit("max_link_expires_in", Unit.SECONDS, _LINKS, "links up to {}", has_default=True),
    # Whether it is violated is asked earlier, with the other permissions.
    Limit("allow_overwrite", Unit.FLAG, UPLOADS, "and overwrite objects"),
)  # fmt: skip
_CHECKS: Final = tuple(limit.violated for limit in LIMITS if limit.violated is not None)
