"""Words that people write for others: nothing in them changes how the rest reads. Pure."""

import re
from typing import Final

from pydantic import MISSING

from service.errors import InvalidRequest

# Controls but line feeds, lone surrogates, and the overrides and isolates of Unicode's UAX 9.
MISLEADING: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
NOT_IN_A_LINE: Final = re.compile(f"\n|{MISLEADING.pattern}")


def check_words(text: str | MISSING, pointer: str, misleading: re.Pattern[str]) -> None:
    """Raises InvalidRequest for what would change how the rest of a visitor's page reads."""
    if text is MISSING:
        return
    if misleading.search(text):
        detail = "Control characters and marks that turn the direction of text are not allowed."
        raise InvalidRequest(detail, pointer=pointer)
    if not text.strip():
        raise InvalidRequest("Only spaces are no words for a visitor.", pointer=pointer)
