"""Masks credentials and signatures in every log line, tracebacks included.

This is the last line of defence. The service logs none, but a library or an exception message may.
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
    # A name, a separator and the value, as in a URL, a form field, JSON, XML, a repr or a header.
    re.compile(
        r"(?i)((?:x-amz-(?:signature|security-token|credential)"
        r"|(?:(?<=[?&])|(?<=&amp;)|(?<=u0026))signature|cloudfront-(?:signature|policy)"
        r"|secret_?access_?key|session_?token|web_?identity_?token)"
        r"\\*[\"']?\s*[=:>,]\s*(?:b(?=['\"]))?\\*[\"']?)[^\s\"'\\&<>,)]+"
    ),
    re.compile(r"(?i)(bearer\s+)[^\s\"',]+"),
    # A JWT anywhere: `eyJ` is `{"` in base64. Possessive quantifiers read each run of characters
    # once, so that the time stays linear. Text attached to the token is masked with it.
    re.compile(r"()(?<![\w-])(?=[\w-]*eyJ)[\w-]++(?:\.[\w-]*+){2,}", re.ASCII),
]


class RedactingFormatter(logging.Formatter):
    """Shows the type and the origin of an exception, but never its message.

    A message may quote anything, and no pattern recognises a secret without a name.
    """

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # cached by another formatter, with the message
        return redact(super().format(record))

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's name
        return "\n".join(_without_messages(ei[1], set()))


def _without_messages(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """Yield a traceback, the cause first, as Python does. Causes may form a cycle."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    context = None if error.__suppress_context__ else error.__context__
    yield from _without_messages(error.__cause__ or context, seen)
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, BaseExceptionGroup):
        for exception in error.exceptions:
            yield from _without_messages(exception, seen)


def redact(text: str) -> str:
    for secret in _SECRETS:
        text = secret.sub(_MASK, text)
    return text
