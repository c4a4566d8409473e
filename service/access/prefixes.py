"""Which prefixes cover a key: by the key's parts, however many prefixes there are. Pure.

A prefix that is empty or ends in `/` covers all keys that start with it; any other, one key.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T")
V = TypeVar("V")


class PrefixTable(Generic[V]):
    def __init__(
        self, items: Sequence[tuple[str, T]], value_of: Callable[[Iterable[T]], V]
    ) -> None:
        """`items` have a prefix each. `value_of` gets those that cover a key, in their order."""
        named = defaultdict[str, list[tuple[int, T]]](list)
        for place, (prefix, item) in enumerate(items):
            named[prefix].append((place, item))
        self._values = {"": value_of([])}
        for name in named:
            found = [each for part in {*parts(name), name} for each in named.get(part, ())]
            self._values[name] = value_of(item for _, item in sorted(found, key=itemgetter(0)))
        subtrees = (name.count("/") for name in named if name.endswith("/"))
        self._levels = range(max(subtrees, default=0))

    def find(self, key: str, *, subtree: bool = False) -> V:
        """Return the value of a key, or with `subtree` of all keys that start with it."""
        values = self._values
        if not subtree and (found := values.get(key)) is not None:
            return found
        found, end = values[""], 0
        for _ in self._levels:
            if not (end := key.find("/", end) + 1):
                break
            found = values.get(key[:end], found)
        return found


def parts(key: str) -> Iterator[str]:
    """Yield the prefixes of subtrees that have the key, the widest first: "", `a/` and `a/b/`."""
    yield ""
    end = 0
    while end := key.find("/", end) + 1:
        yield key[:end]
