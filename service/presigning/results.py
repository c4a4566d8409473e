"""What callers get: a signed request, a form, or the result of a call to the store. Pure.

The classes that are made for each URL are not frozen: see `requests.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.sessions.lifetime import LimitedBy, Validity
from service.sessions.session import Session
from service.signing.cloudfront import CloudFrontSigner


@dataclass(slots=True, kw_only=True)
class PresignedRequest:
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
class SignedHeaders:
    """The headers to add to a request that the client builds itself.

    With `covers_only_url` every equal method and URL gets a signature that fits it.
    """

    headers: Mapping[str, str] = field(repr=False)
    covers_only_url: bool
    validity: Validity
    session: Session = field(repr=False)


@dataclass(slots=True, kw_only=True)
class PresignedRequests:
    """As `PresignedRequest`, for requests that differ in their URLs only: in the keys' order."""

    method: str
    urls: Sequence[str] = field(repr=False)
    headers: Mapping[str, str]
    validity: Validity
    session: Session | CloudFrontSigner = field(repr=False)
    content_length: int | None = None


@dataclass(slots=True, kw_only=True)
class PresignedForm:
    """`fields` must be sent in this order, and the file after them."""

    url: str
    key: str
    fields: Mapping[str, str] = field(repr=False)
    validity: Validity
    session: Session = field(repr=False)


@dataclass(slots=True, kw_only=True)
class SignedCookies:
    """Cookies that open all that is below `url`."""

    cookies: Mapping[str, str] = field(repr=False)
    url: str
    validity: Validity
    session: CloudFrontSigner = field(repr=False)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """A diagnosis; nothing was signed. `first` is the code of the first finding."""

    first: str | None


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A share link, which lives this many seconds. `limited_by` is set if more was requested."""

    expires_in: int
    limited_by: LimitedBy | None


@dataclass(frozen=True, slots=True)
class EndedLink:
    """Its maker has ended the share link that the requester names."""


@dataclass(frozen=True, slots=True)
class ListedLinks:
    """Some of the requester's own share links."""


@dataclass(frozen=True, slots=True)
class VendedCredentials:
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
