"""What a caller may do, as `presign check` words it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Right:
    """Something that a caller may do: `what`, as words that follow `may`, and `where` or how."""

    what: tuple[str, ...]
    where: str

    def __str__(self) -> str:
        return f"{', '.join(self.what)} {self.where}"


def right(what: Iterable[str], where: str) -> list[Right]:
    """Return the right in a list, which is empty if there is nothing to do."""
    words = tuple(what)
    return [Right(words, where)] if words else []
