"""Texts that must match a pattern, with the message that says what to write instead."""

import re
from dataclasses import dataclass

from pydantic import AfterValidator


@dataclass(frozen=True, slots=True)
class Matching:
    """Checks that a text matches `pattern` as a whole. `message` is its error."""

    pattern: str
    message: str

    def __call__(self, text: str) -> str:
        if re.fullmatch(self.pattern, text, re.ASCII) is None:
            raise ValueError(self.message)
        return text


def matching(pattern: str, message: str) -> AfterValidator:
    """Return the validator of a setting. `presign schema` has its pattern and message too."""
    return AfterValidator(Matching(pattern, message))
