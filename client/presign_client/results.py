"""What calls return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from presign_client.answers import with_members
from presign_client.signed import time_of


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


def credentials(answer: Any) -> Credentials:
    answer = with_members(answer, AccessKeyId=str, SecretAccessKey=str, Token=str)
    return Credentials(
        access_key_id=answer["AccessKeyId"],
        secret_access_key=answer["SecretAccessKey"],
        session_token=answer["Token"],
        expires_at=time_of(answer["Expiration"]),
    )


def signed_cookies(answer: Any) -> SignedCookies:
    answer = with_members(answer, cookies=dict, url=str)
    return SignedCookies(
        cookies=answer["cookies"],
        url=answer["url"],
        expires_at=time_of(answer["expires_at"]),
        limited_by=answer.get("limited_by"),
    )
