"""Masks in every log line what would let a reader act as somebody else, tracebacks included.

The last line of defence: nothing of ours logs these, but a library or an exception's words may.
"""

import logging
import re
from typing import Final

_MASK: Final = r"\1[masked]"
_SECRETS: Final = [
    # In a URL, a form's field, JSON, XML, a repr or a header: the name, what parts them, the value
    re.compile(
        r"(?i)((?:x-amz-(?:signature|security-token|credential)"
        r"|secret_?access_?key|session_?token|web_?identity_?token)"
        r"\\*[\"']?\s*[=:>,]\s*(?:b(?=['\"]))?\\*[\"']?)[^\s\"'\\&<>,)]+"
    ),
    re.compile(r"(?i)(bearer\s+)[^\s\"',]+"),
]


class RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def redact(text: str) -> str:
    for secret in _SECRETS:
        text = secret.sub(_MASK, text)
    return text
