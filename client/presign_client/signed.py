"""A request that presign has signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from presign_client.answers import with_members


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request to send as it is. Anyone who has `url` may use it until `expires_at`."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires_at: datetime | None = None  # None: part of an answer that has the time
    limited_by: str | None = None
    content_length: int | None = None


def signed_request(answer: Any) -> SignedRequest:
    answer = with_members(answer, method=str, url=str, headers=dict)
    return SignedRequest(
        method=answer["method"],
        url=answer["url"],
        headers=answer["headers"],
        expires_at=time_of(answer["expires_at"]) if "expires_at" in answer else None,
        limited_by=answer.get("limited_by"),
        content_length=answer.get("content_length"),
    )


def time_of(text: str) -> datetime:
    """Return the moment of an RFC 3339 text, with its time zone."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not know Z
