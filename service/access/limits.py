"""What the limits of a grant refuse. Pure."""

from dataclasses import dataclass

from service.access.content_types import matches_content_type
from service.access.grants import AccessRequest, Grant, Operation


@dataclass(frozen=True, slots=True)
class Limited:
    """A grant covers the request, but not the value at `pointer`; `detail` names the limit.

    `missing` means that the grant requires a field which the request does not have.
    """

    pointer: str
    detail: str
    missing: bool = False


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


def _hides_its_size(request: AccessRequest) -> bool:
    """Whether it is an upload of a client's own, whose size would not be signed."""
    is_upload = request.operation is Operation.UPLOAD and request.also_needs is Operation.SIGN
    return is_upload and request.content_length is None


def _above(value: int | None, limit: int | None) -> bool:
    return value is not None and limit is not None and value > limit


_COPY = Limited("#/key", "Your grant limits size or type, which a copy does not declare.")
_TYPED = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})
_READS = frozenset({Operation.DOWNLOAD, Operation.HEAD, Operation.CHECK})
