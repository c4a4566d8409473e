"""What the store answered: its error document, as far as it has one.

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
_WORKED: Final = range(200, 300)
# As S3 writes ServerTime and Expires
_TIMES: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResponse:
    """`code` is S3's own word, or None where the answer has none. `message` is never shown."""

    status: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def code(self) -> str | None:
        return self.fields.get("Code") or None

    @property
    def message(self) -> str:
        return self.fields.get("Message", "").lower()

    @property
    def worked(self) -> bool:
        return self.status in _WORKED and self.code is None

    @property
    def is_authenticated(self) -> bool:
        """Whether the store has found the signature right, and refuses all the same: it looks at that first."""
        before = ("expired", "not yet valid", "not signed", "according to policy")
        return self.code == "AccessDenied" and not any(words in self.message for words in before)

    @property
    def server_time(self) -> float | None:
        return _epoch(self.fields.get("ServerTime", ""))

    @property
    def request_time(self) -> float | None:
        text = self.fields.get("RequestTime", "")
        return _epoch(text) or amz_epoch(text)

    def says(self, code: str, *words: str) -> bool:
        return self.code == code and (not words or any(word in self.message for word in words))


def read_reply(status: int | None, body: str | None) -> StoreResponse:
    """A page around the document, as browsers show one, is left out."""
    text = (body or "")[:MAX_BODY_LENGTH]
    found = _ERROR.search(text)
    if found is None:
        return StoreResponse(status=status)
    end = text.rfind("</Error>")
    document = text[found.start() : end + len("</Error>") if end >= 0 else None]
    fields = error_fields(document.encode("utf-8", "replace"))
    return StoreResponse(
        status=status, fields={name: value.strip() for name, value in fields.items()}
    )


def amz_epoch(text: str) -> float | None:
    """Of `20260301T120000Z`."""
    return _parsed(text, "%Y%m%dT%H%M%SZ")


def _epoch(text: str) -> float | None:
    return _parsed(text, _TIMES)


def _parsed(text: str, pattern: str) -> float | None:
    try:
        return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
