"""A dict of bounded size, for caches."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(dict[K, V]):
    """Assigning a new key when there are `max_size` entries drops the oldest one.

    Only `d[key] = value` respects the bound. Reads are as fast as those of a plain dict.
    """

    __slots__ = ("_max_size",)

    def __init__(self, max_size: int) -> None:
        super().__init__()
        self._max_size = max_size

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self._max_size and key not in self:
            del self[next(iter(self))]
        dict.__setitem__(self, key, value)
