"""What calls return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from presign_client.signed import time_of

METADATA = "x-amz-meta-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """An object, as the store describes it. `size` is in bytes."""

    bucket: str
    key: str
    size: int
    etag: str
    content_type: str | None = None
    last_modified: datetime | None = None
    version_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of a listing: an object, or a prefix, which has no size, ETag and time."""

    key: str
    size: int | None = None
    etag: str | None = None
    last_modified: datetime | None = None

    @property
    def is_prefix(self) -> bool:
        """Whether the entry is a common prefix: all keys that begin with `key`."""
        return self.size is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of an object, or a delete marker, which has no size and no ETag.

    `is_latest` is what a download without a version gets: nothing, if it is a delete marker.
    """

    version_id: str
    is_latest: bool
    is_delete_marker: bool
    last_modified: datetime
    size: int | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """An object that was stored, or, if `skipped`, that was there already."""

    bucket: str
    key: str
    size: int
    etag: str | None = None
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """An object that was read. `verified` says whether its checksum was compared."""

    bucket: str
    key: str
    size: int
    etag: str | None
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy. Its ETag may differ from the source's."""

    bucket: str
    key: str
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A share link, for anyone who has its `url`. Keep the id of one that is not `listed`."""

    id: str
    url: str = field(repr=False)
    expires_at: datetime
    limited_by: str | None = None
    listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLink:
    """A share link of yours, of whose `max_uses` `uses` are over, if they are counted.

    It has no `url` if it is `revoked`, or if your grants of now do not cover it.
    """

    id: str
    url: str | None = field(default=None, repr=False)
    bucket: str
    key: str | None = None
    prefix: str | None = None
    operations: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked: bool
    label: str | None = None
    message: str | None = None
    filename: str | None = None
    not_before: datetime | None = None
    max_uses: int | None = None
    uses: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Credentials of AWS's kind, for one bucket. Anyone may use them until `expires_at`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCookies:
    """Cookies of CloudFront, by name. Anyone who has them may read what is below `url`.

    `url` ends in `/`: append the rest of a key, percent-encoded.
    """

    cookies: Mapping[str, str] = field(repr=False)
    url: str
    expires_at: datetime
    limited_by: str | None = None


def version(answer: Mapping[str, Any]) -> Version:
    return Version(
        version_id=answer["version_id"],
        is_latest=answer["is_latest"],
        is_delete_marker=answer["is_delete_marker"],
        last_modified=time_of(answer["last_modified"]),
        size=answer.get("size"),
        etag=answer.get("etag"),
    )


def link(answer: Mapping[str, Any]) -> Link:
    return Link(
        id=answer["id"],
        url=answer["url"],
        expires_at=time_of(answer["expires_at"]),
        limited_by=answer.get("limited_by"),
        listed=answer.get("listed", False),
    )


def listed_link(answer: Mapping[str, Any]) -> ListedLink:
    known = {name: answer[name] for name in ListedLink.__slots__ if name in answer}
    times = {"created_at", "expires_at", "not_before"} & known.keys()
    known |= {name: time_of(known[name]) for name in times}
    return ListedLink(**(known | {"operations": tuple(known["operations"])}))


def credentials(answer: Mapping[str, Any]) -> Credentials:
    return Credentials(
        access_key_id=answer["AccessKeyId"],
        secret_access_key=answer["SecretAccessKey"],
        session_token=answer["Token"],
        expires_at=time_of(answer["Expiration"]),
    )


def signed_cookies(answer: Mapping[str, Any]) -> SignedCookies:
    return SignedCookies(
        cookies=answer["cookies"],
        url=answer["url"],
        expires_at=time_of(answer["expires_at"]),
        limited_by=answer.get("limited_by"),
    )


def object_info(bucket: str, key: str, headers: Mapping[str, str]) -> ObjectInfo:
    """Return the object that the headers of a HEAD describe. Their names are in lower case."""
    when = headers.get("last-modified")
    return ObjectInfo(
        bucket=bucket,
        key=key,
        size=int(headers["content-length"]),
        etag=headers.get("etag", ""),
        content_type=headers.get("content-type"),
        last_modified=parsedate_to_datetime(when) if when else None,
        version_id=headers.get("x-amz-version-id"),
        metadata={
            name.removeprefix(METADATA): value
            for name, value in headers.items()
            if name.startswith(METADATA)
        },
    )
