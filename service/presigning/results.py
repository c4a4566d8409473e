"""What callers get: a signed request, a form, or the result of a call to the store. Pure.

Made for each URL, and not frozen: see `actions.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.sessions.lifetime import Validity
from service.sessions.session import Session
from service.signing.signer import Signable


@dataclass(slots=True, kw_only=True)
class PresignedRequest:
    """`headers` are to be sent byte for byte."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    validity: Validity
    session: Session = field(repr=False)
    content_length: int | None = None


@dataclass(slots=True, kw_only=True)
class PresignedRequests:
    """Requests that differ in their URLs only. `urls` are in the order of the keys."""

    method: str
    urls: Sequence[str] = field(repr=False)
    headers: Mapping[str, str]
    validity: Validity
    session: Session = field(repr=False)
    content_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedForm:
    """`fields` are to be sent in this order, the file after them all."""

    url: str
    key: str
    fields: Mapping[str, str] = field(repr=False)
    validity: Validity
    session: Session = field(repr=False)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """That a caller was told why a request failed: nothing was signed. `first` is the first finding."""

    first: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedPart:
    """Exactly `content_length` bytes, with `headers` to be sent byte for byte."""

    part_number: int
    content_length: int
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PresignedParts:
    parts: Sequence[PresignedPart]
    validity: Validity


@dataclass(frozen=True, slots=True)
class CreatedUpload:
    """`parts` are the first, or none where their checksums were not given."""

    upload_id: str
    part_size: int
    part_count: int
    parts: Sequence[PresignedPart]
    validity: Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedUpload:
    bucket: str
    key: str
    etag: str
    content_length: int
    version_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedObject:
    """What stands under a key. `checksums` are base64 by algorithm, of parts' digests with `-N`."""

    content_length: int
    content_type: str | None
    etag: str
    version_id: str | None
    checksums: Mapping[str, str]
    metadata: Mapping[str, str]
    mismatches: Sequence[str]


def headers_to_send(action: Signable) -> dict[str, str]:
    """All that is signed but what an HTTP library sets itself, and may refuse to be told."""
    return to_send(action.headers())


def to_send(signed: Mapping[str, str]) -> dict[str, str]:
    """As `headers_to_send`, of an action's headers."""
    return {name: value for name, value in signed.items() if name != "content-length"}
