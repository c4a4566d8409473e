"""What callers get: a signed request, a form, or the result of a call to the store. Pure.

The classes that are made for each URL are not frozen: see `requests.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.access.grants import Operation
from service.presigning.answers import (
    Members,
    ObjectRequest,
    Request,
    Signed,
    SigningObserver,
    Unsigned,
    lifetime_members,
)
from service.presigning.requests import LinkRequest
from service.s3.access import StoreAccess
from service.sessions.lifetime import LimitedBy, Validity
from service.sessions.session import Session
from service.signing.cloudfront import CloudFrontSigner


@dataclass(slots=True, kw_only=True)
class PresignedRequest(Signed):
    """`headers` must be sent byte for byte.

    `session` signed it. For a CloudFront URL that is a key, and no session.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    validity: Validity
    session: Session | CloudFrontSigner = field(repr=False)
    content_length: int | None = None


@dataclass(slots=True, kw_only=True)
class SignedHeaders(Signed):
    """The headers to add to a request that the client builds itself.

    With `covers_only_url` every equal method and URL gets a signature that fits it.
    """

    headers: Mapping[str, str] = field(repr=False)
    covers_only_url: bool
    validity: Validity
    session: Session = field(repr=False)


@dataclass(slots=True, kw_only=True)
class PresignedRequests(Signed):
    """As `PresignedRequest`, for requests that differ in their URLs only: in the keys' order."""

    method: str
    urls: Sequence[str] = field(repr=False)
    headers: Mapping[str, str]
    validity: Validity
    session: Session | CloudFrontSigner = field(repr=False)
    content_length: int | None = None


@dataclass(slots=True, kw_only=True)
class PresignedForm(Signed):
    """`fields` must be sent in this order, and the file after them."""

    url: str
    key: str
    fields: Mapping[str, str] = field(repr=False)
    validity: Validity
    session: Session = field(repr=False)


@dataclass(slots=True, kw_only=True)
class SignedCookies(Signed):
    """Cookies that open all that is below `url`."""

    cookies: Mapping[str, str] = field(repr=False)
    url: str
    validity: Validity
    session: CloudFrontSigner = field(repr=False)

    def members(self, request: ObjectRequest) -> Members:
        lifetime = lifetime_members(self.validity, request)
        return lifetime + request.members() + self.session.members()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedStoreAccess(Signed, StoreAccess):
    """A `StoreAccess` that grants allow, with which `urls` URLs are signed."""

    urls: int = 0

    def members(self, request: ObjectRequest) -> Members:
        members = Signed.members(self, request)
        return members if self.urls else members[1:]  # nothing that expires

    def count(self, observer: SigningObserver, request: ObjectRequest, _: int) -> None:
        Signed.count(self, observer, request, self.urls)


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A share link, which lives this many seconds. `limited_by` is set if more was requested."""

    expires_in: int
    limited_by: LimitedBy | None

    def members(self, request: LinkRequest) -> Members:
        return (("expires_in", self.expires_in), *request.members())

    def count(self, observer: SigningObserver, request: LinkRequest, keys: int) -> None:
        observer.signed(request.operation, request.bucket, self.limited_by, keys)


@dataclass(frozen=True, slots=True)
class EndedLink(Unsigned):
    """Its maker has ended the share link that the requester names."""

    def members(self, _: Request) -> Members:
        return (("operation", Operation.LINK), ("action", "EndLink"))


@dataclass(frozen=True, slots=True)
class ListedLinks(Unsigned):
    """Some of the requester's own share links."""

    def members(self, _: Request) -> Members:
        return (("operation", Operation.LINK), ("action", "ListLinks"))


@dataclass(frozen=True, slots=True)
class VendedCredentials(Signed):
    """A session whose credentials a program gets, and what it has left."""

    session: Session = field(repr=False)
    validity: Validity


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
