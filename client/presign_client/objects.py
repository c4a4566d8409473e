"""Objects and their versions, as calls describe them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from presign_client.answers import length_of
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


def versions_page(answer: Any) -> tuple[list[tuple[str, Version]], str | None]:
    """Return versions with their keys, and what asks for the next page."""
    return [(each["key"], _version(each)) for each in answer["versions"]], answer.get("next")


def _version(answer: Mapping[str, Any]) -> Version:
    return Version(
        version_id=answer["version_id"],
        is_latest=answer["is_latest"],
        is_delete_marker=answer["is_delete_marker"],
        last_modified=time_of(answer["last_modified"]),
        size=answer.get("size"),
        etag=answer.get("etag"),
    )


def time_of_header(text: str | None) -> datetime | None:
    """Return the moment of an HTTP date. None: there is none, or one that cannot be read."""
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=found.tzinfo or timezone.utc)  # HTTP has no other zone


def object_info(bucket: str, key: str, headers: Mapping[str, str]) -> ObjectInfo:
    """Return the object that the headers of a HEAD describe. Their names are in lower case."""
    return ObjectInfo(
        bucket=bucket,
        key=key,
        size=length_of(headers.get("content-length")),
        etag=headers.get("etag", ""),
        content_type=headers.get("content-type"),
        last_modified=time_of_header(headers.get("last-modified")),
        version_id=headers.get("x-amz-version-id"),
        metadata={
            name.removeprefix(METADATA): value
            for name, value in headers.items()
            if name.startswith(METADATA)
        },
    )
