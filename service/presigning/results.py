"""What callers get: a signed request, a form, or the result of a call to the store. Pure.

The classes that are made for each URL are not frozen: see `requests.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.presigning.answers import (
    Members,
    ObjectRequest,
    Signed,
    SignedBy,
    SigningObserver,
)
from service.s3.access import StoreAccess
from service.sessions.lifetime import Validity
from service.sessions.session import Session


@dataclass(slots=True, kw_only=True)
class _SignedAlike(Signed):
    """All but the URLs of signed requests. `headers` must be sent byte for byte."""

    method: str
    headers: Mapping[str, str]
    validity: Validity
    signed_by: SignedBy = field(repr=False)
    content_length: int | None = None


@dataclass(slots=True, kw_only=True)
class PresignedRequest(_SignedAlike):
    url: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class PresignedRequests(_SignedAlike):
    """Requests that differ in their URLs only, which are in the order of the keys."""

    urls: Sequence[str] = field(repr=False)


@dataclass(slots=True, kw_only=True)
class PresignedForm(Signed):
    """`fields` must be sent in this order, and the file after them."""

    url: str
    key: str
    fields: Mapping[str, str] = field(repr=False)
    validity: Validity
    signed_by: Session = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedStoreAccess(Signed, StoreAccess):
    """A `StoreAccess` that grants allow, with which `urls` URLs are signed."""

    urls: int = 0

    @property
    def signed_by(self) -> Session:
        return self.session

    def members(self, request: ObjectRequest) -> Members:
        members = Signed.members(self, request)
        return members if self.urls else members[1:]  # nothing that expires

    def count(self, observer: SigningObserver, request: ObjectRequest, _: int) -> None:
        Signed.count(self, observer, request, self.urls)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedPart:
    """A part of exactly `content_length` bytes; `headers` must be sent byte for byte."""

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
    """`parts` are the first ones. It is empty if their checksums are missing."""

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
    """An object that exists.

    `checksums` maps algorithms to base64, with `-N` for digests of N parts.
    """

    content_length: int
    content_type: str | None
    etag: str
    version_id: str | None
    checksums: Mapping[str, str]
    metadata: Mapping[str, str]
    mismatches: Sequence[str]


def headers_to_send(signed: Mapping[str, str]) -> dict[str, str]:
    """Return the signed headers without `content-length`, which HTTP libraries set themselves."""
    return {name: value for name, value in signed.items() if name != "content-length"}
