"""The store's response: its status, and its error document if there is one.

docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from service.diagnosis.request import MAX_BODY_LENGTH
from service.s3.xml import error_fields

_ERROR = re.compile("<Error[ >]")
_SUCCESS: Final = range(200, 300)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REDIRECT_CODES: Final = frozenset({"PermanentRedirect", "TemporaryRedirect", "Redirect"})
_BEFORE_SIGNATURE: Final = ("expired", "not yet valid", "not signed", "according to policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResponse:
    """`fields` are the members of S3's error document; no finding shows its message."""

    status: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def code(self) -> str | None:
        """S3's error code, or None if the response has none."""
        return self.fields.get("Code") or None

    @property
    def message(self) -> str:
        """S3's error message in lower case."""
        return self.fields.get("Message", "").lower()

    @property
    def is_success(self) -> bool:
        """S3 may report an error in a response with status 200."""
        return self.status in _SUCCESS and self.code is None

    @property
    def is_redirect(self) -> bool:
        return self.status in _REDIRECTS or self.code in _REDIRECT_CODES

    @property
    def is_authenticated(self) -> bool:
        """Whether the store denied access, which AWS does once it has accepted the signature."""
        return self.code == "AccessDenied" and not any(
            words in self.message for words in _BEFORE_SIGNATURE
        )

    @property
    def server_time(self) -> float | None:
        """In epoch seconds."""
        return _parse_time(self.fields.get("ServerTime", ""), "%Y-%m-%dT%H:%M:%SZ")

    @property
    def request_time(self) -> float | None:
        """In epoch seconds."""
        text = self.fields.get("RequestTime", "")
        return _parse_time(text, "%Y-%m-%dT%H:%M:%SZ") or parse_amz_date(text)

    def says(self, code: str, words: str) -> bool:
        """Whether the error has this code, and these words in its message."""
        return self.code == code and words in self.message


def parse_response(status: int | None, body: str | None) -> StoreResponse:
    """Finds the error document in `body`, which may be a page or a transcript around it."""
    text = (body or "")[:MAX_BODY_LENGTH]
    start = _ERROR.search(text)
    if start is None:
        return StoreResponse(status=status)
    end = text.rfind("</Error>")
    document = text[start.start() : end + len("</Error>") if end >= 0 else None]
    fields = error_fields(document.encode("utf-8", "replace"))
    stripped = {name: value.strip() for name, value in fields.items()}
    return StoreResponse(status=status, fields=stripped)


def parse_amz_date(text: str) -> float | None:
    """`20260301T120000Z` as epoch seconds, or None if it is not such a time."""
    return _parse_time(text, "%Y%m%dT%H%M%SZ")


def _parse_time(text: str, pattern: str) -> float | None:
    try:
        return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
