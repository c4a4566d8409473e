"""Which patterns match a subject, and which subjects two patterns share, among thousands. Pure.

`*` stands for any text without `:`, so a pattern and what it matches have the same number of segments
between colons, and each segment can be looked at by itself. The patterns form a tree of segments. Those
with a `*` are found by what stands before the first and after the last one.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from service.access.callers import intersecting_subject

T = TypeVar("T")


class _Near(Generic[T]):
    """Found by a text that begins as the searched one does, as far as both go."""

    __slots__ = ("_lengths", "_make", "_of", "_sorted")  # thousands are made, and freed in one turn

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._of: dict[str, T] = {}
        self._lengths: list[int] | None = None
        self._sorted: list[str] | None = None

    def at(self, text: str) -> T:
        if (found := self._of.get(text)) is None:
            found = self._of[text] = self._make()
        return found

    def exactly(self, text: str) -> T | None:
        return self._of.get(text)

    def begins_of(self, text: str) -> Iterator[T]:
        """Those whose text is a prefix of `text`, or equal."""
        if self._lengths is None:
            self._lengths = sorted({len(each) for each in self._of})
        for length in self._lengths:
            if length > len(text):
                return
            if (found := self._of.get(text[:length])) is not None:
                yield found

    def longer_than(self, text: str) -> Iterator[tuple[str, T]]:
        """Those whose text goes on where `text` ends, with their texts."""
        if self._sorted is None:
            self._sorted = sorted(self._of)
        for i in range(bisect_left(self._sorted, text), len(self._sorted)):
            longer = self._sorted[i]
            if not longer.startswith(text):
                return
            if longer != text:
                yield longer, self._of[longer]

    def near(self, text: str) -> Iterator[T]:
        yield from self.begins_of(text)
        yield from (found for _, found in self.longer_than(text))


_NOTHING: Final[_Near[Any]] = _Near(dict)


class _Level:
    """The patterns that begin with the same segments."""

    __slots__ = ("pattern", "plain", "starred")

    def __init__(self) -> None:
        self.pattern: str | None = None  # the one that ends here
        self.plain: _Near[_Level] = _NOTHING
        self.starred: _Near[_Near[dict[str, _Level]]] = _NOTHING  # by head, then by tail backwards

    def below(self, segment: str) -> "_Level":
        if "*" not in segment:
            if self.plain is _NOTHING:
                self.plain = _Near(_Level)
            return self.plain.at(segment)
        if self.starred is _NOTHING:
            self.starred = _Near(lambda: _Near(dict))
        head, tail = _ends(segment)
        return self.starred.at(head).at(tail).setdefault(segment, _Level())

    def matching(self, segment: str) -> Iterator["_Level"]:
        """The levels below whose segment could match this one, which has no `*`."""
        if (plain := self.plain.exactly(segment)) is not None:
            yield plain
        for tails in self.starred.begins_of(segment):
            for levels in tails.begins_of(segment[::-1]):
                yield from levels.values()

    def crossing(self, segment: str) -> Iterator[tuple[str, "_Level"]]:
        """The levels below with whose segment this one has a text in common, and that text."""
        head, tail = _ends(segment)
        candidates = [
            each
            for tails in self.starred.near(head)
            for levels in tails.near(tail)
            for each in levels.items()
        ]
        if (same := self.plain.exactly(head)) is not None:
            if "*" not in segment:
                yield segment, same
            else:
                candidates.append((head, same))
        if "*" in segment:
            end = tail[::-1]
            candidates += [each for each in self.plain.longer_than(head) if each[0].endswith(end)]
        for other, level in candidates:
            if (shared := intersecting_subject(segment, other)) is not None:
                yield shared, level


class Patterns:
    """Distinct patterns of subjects, as they stand in the configuration."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._all = sorted(patterns)
        self._top = _Level()
        for pattern in self._all:
            level = self._top
            for segment in pattern.split(":"):
                level = level.below(segment)
            level.pattern = pattern

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def matching(self, subject: str) -> list[str]:
        """All that match, and perhaps some that do not."""
        levels = [self._top]
        for segment in subject.split(":"):
            levels = [below for level in levels for below in level.matching(segment)]
        return [level.pattern for level in levels if level.pattern is not None]

    def shared_with(self, pattern: str) -> Iterator[tuple[str, str]]:
        """Each other pattern that has a subject in common with this one, and such a subject."""
        yield from self._shared(self._top, pattern.split(":"), [], pattern)

    def _shared(
        self, level: _Level, segments: list[str], texts: list[str], pattern: str
    ) -> Iterator[tuple[str, str]]:
        if len(texts) == len(segments):
            if level.pattern is not None and level.pattern != pattern:
                yield level.pattern, ":".join(texts)
            return
        for text, below in level.crossing(segments[len(texts)]):
            yield from self._shared(below, segments, [*texts, text], pattern)


def _ends(segment: str) -> tuple[str, str]:
    """What stands before the first `*`, and backwards what stands after the last."""
    head, star, rest = segment.partition("*")
    return (head, rest.rpartition("*")[2][::-1]) if star else (segment, segment[::-1])
