"""Masks in every log line what would let a reader act as somebody else, tracebacks included.

The last line of defence: nothing of ours logs these, but a library or an exception's words may.
"""

import logging
import re
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_MASK: Final = r"\1[masked]"
_SECRETS: Final = [
    # In a URL, a form's field, JSON, XML, a repr or a header: the name, what parts them, the value
    re.compile(
        r"(?i)((?:x-amz-(?:signature|security-token|credential)"
        r"|secret_?access_?key|session_?token|web_?identity_?token)"
        r"\\*[\"']?\s*[=:>,]\s*(?:b(?=['\"]))?\\*[\"']?)[^\s\"'\\&<>,)]+"
    ),
    re.compile(r"(?i)(bearer\s+)[^\s\"',]+"),
    # A JWT wherever it stands: `eyJ` is `{"` in base64. Each run of its letters is read once, from
    # its own start, so that no line takes time squared; what sticks to the token goes with it.
    re.compile(r"()(?<![\w-])(?=[\w-]*eyJ)[\w-]++(?:\.[\w-]*+){2,}", re.ASCII),
]


class RedactingFormatter(logging.Formatter):
    """Of an exception it shows what it is and where it came from, but never its words.

    They may quote whatever they like, and no pattern knows a secret that stands by itself.
    """

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another formatter's, with the words
        return redact(super().format(record))

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's own name
        return "\n".join(_without_words(ei[1], set()))


def _without_words(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """What led to it comes first, as in any traceback; each is told once, for they may go in circles."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield from _without_words(_led_to(error), seen)
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _without_words(each, seen)


def _led_to(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def redact(text: str) -> str:
    for secret in _SECRETS:
        text = secret.sub(_MASK, text)
    return text
