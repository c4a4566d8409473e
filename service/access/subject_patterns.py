"""Find the patterns that match a subject or share one with a pattern, among thousands. Pure.

`*` matches any text without `:`. So a pattern has as many segments between colons as the subjects
that it matches, and each segment is compared by itself. The patterns form a tree of segments.
Segments with a `*` are found by the text before their first and after their last `*`, and those
with several by what they have between.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from service.access.callers import segment_matches

T = TypeVar("T")


class _PrefixMap(dict[str, T]):
    """Finds values whose key is a prefix of a text, or starts with it. Creates missing values."""

    __slots__ = ("_lengths", "_make", "_sorted")  # there are thousands, and they are freed at once

    def __init__(self, make: Callable[[], T]) -> None:
        super().__init__()
        self._make = make
        self._lengths: list[int] | None = None
        self._sorted: list[str] | None = None

    def __missing__(self, key: str) -> T:
        value = self[key] = self._make()
        return value

    def prefixes_of(self, text: str) -> Iterator[T]:
        if self._lengths is None:
            self._lengths = sorted({len(key) for key in self})
        for length in self._lengths:
            if length > len(text):
                return
            if (found := self.get(text[:length])) is not None:
                yield found

    def starting_with(self, text: str) -> Iterator[tuple[str, T]]:
        if self._sorted is None:
            self._sorted = sorted(self)
        for i in range(bisect_left(self._sorted, text), len(self._sorted)):
            key = self._sorted[i]
            if not key.startswith(text):
                return
            yield key, self[key]

    def compatible_with(self, text: str) -> Iterator[T]:
        yield from self.prefixes_of(text)
        yield from (found for key, found in self.starting_with(text) if key != text)


class _Alike(dict[str, "_Level"]):
    """The levels of segments with equal ends: before their first and after their last `*`."""

    __slots__ = ("_by_part", "_lengths")

    def __init__(self) -> None:
        super().__init__()
        self._by_part: dict[str, list[tuple[str, _Level]]] | None = None
        self._lengths = set[int]()  # of the parts

    def within(self, text: str) -> Iterator[tuple[str, "_Level"]]:
        """Yield those of which one part between two stars, if there is any, is in the text."""
        if self._by_part is None:
            self._by_part = self._index()
            self._lengths = {len(part) for part in self._by_part}
        slices = {text[i : i + n] for n in self._lengths for i in range(len(text) - n + 1)}
        for part in slices:
            yield from self._by_part.get(part, ())

    def _index(self) -> dict[str, list[tuple[str, "_Level"]]]:
        """Return the levels by that part of their segment which the fewest others have."""
        parts = {segment: [*filter(None, segment.split("*")[1:-1])] or [""] for segment in self}
        shared = Counter(part for each in parts.values() for part in set(each))
        by_part = defaultdict[str, list[tuple[str, _Level]]](list)
        for segment, level in self.items():
            by_part[min(parts[segment], key=lambda part: shared[part])].append((segment, level))
        return dict(by_part)


_EMPTY: Final[_PrefixMap[Any]] = _PrefixMap(dict)


class _Level:
    """The patterns that share their first segments."""

    __slots__ = ("pattern", "plain", "starred")

    def __init__(self) -> None:
        self.pattern: str | None = None  # the one that ends here
        self.plain: _PrefixMap[_Level] = _EMPTY
        # By the text before the first `*`, then by the reversed text after the last one.
        self.starred: _PrefixMap[_PrefixMap[_Alike]] = _EMPTY

    def below(self, segment: str) -> "_Level":
        if "*" not in segment:
            if self.plain is _EMPTY:
                self.plain = _PrefixMap(_Level)
            return self.plain[segment]
        if self.starred is _EMPTY:
            self.starred = _PrefixMap(lambda: _PrefixMap(_Alike))
        head, tail = _ends(segment)
        return self.starred[head][tail[::-1]].setdefault(segment, _Level())

    def intersecting(self, segment: str) -> Iterator[tuple[str, "_Level"]]:
        """Yield each level below whose segment shares a text with this one, with such a text."""
        head, tail = _ends(segment)
        candidates = [
            candidate
            for tails in self.starred.compatible_with(head)
            for alike in tails.compatible_with(tail[::-1])
            for candidate in (alike.items() if "*" in segment else alike.within(segment))
        ]
        if "*" in segment:
            candidates += self.plain.starting_with(head)
        elif (same := self.plain.get(segment)) is not None:
            yield segment, same
        for other, level in candidates:
            if (text := _intersecting_text(segment, other)) is not None:
                yield text, level


class Patterns:
    """The distinct subject patterns of a configuration."""

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
        """Return all patterns that match, and perhaps some that do not."""
        # A `*` in a subject is an ordinary character, which only the `*` of a pattern matches.
        return [pattern for pattern, _ in self.intersecting(subject.replace("*", "\0"))]

    def intersecting(self, pattern: str) -> Iterator[tuple[str, str]]:
        """Yield each pattern that matches some subject of this one, with such a subject."""
        found: list[tuple[list[str], _Level]] = [([], self._top)]
        *segments, last = pattern.split(":")
        for segment in segments:
            found = [
                ([*texts, text], below)
                for texts, level in found
                for text, below in level.intersecting(segment)
            ]
        for texts, level in found:
            for text, below in level.intersecting(last):
                if below.pattern is not None:
                    yield below.pattern, ":".join([*texts, text])


def _intersecting_text(one: str, other: str) -> str | None:
    """Return a text that both segments match, or None. Their ends must be compatible."""
    if "*" not in one:
        return one if segment_matches(other, one) else None
    if "*" not in other:
        return other if segment_matches(one, other) else None
    # All that either pattern has between its stars fits between the ends.
    head, tail = map(lambda *pair: max(pair, key=len), _ends(one), _ends(other))
    middle = "".join(part for each in (one, other) for part in each.split("*")[1:-1])
    return f"{head}{middle}{tail}"


def _ends(segment: str) -> tuple[str, str]:
    """Return the text before the first `*` and after the last; without `*`, all of it twice."""
    head, star, rest = segment.partition("*")
    return (head, rest.rpartition("*")[2]) if star else (segment, segment)
