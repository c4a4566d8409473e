"""Times and sizes as people write them: `15 min`, `7 days`, `50 MiB`."""

from typing import Final

_TIMES: Final = (("day", 86_400), ("h", 3600), ("min", 60))
_MANY_SECONDS: Final = 600
_SIZES: Final = (
    ("TiB", 2**40), ("TB", 10**12), ("GiB", 2**30), ("GB", 10**9),
    ("MiB", 2**20), ("MB", 10**6), ("KiB", 2**10), ("kB", 10**3),
)  # fmt: skip


def duration(seconds: int) -> str:
    """Return the seconds in the largest unit of which they are a multiple.

    Where that would be many seconds, it is `59 min 55 s`.
    """
    for unit, size in _TIMES:
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}{'s' if unit == 'day' and number > 1 else ''}"
    if seconds < _MANY_SECONDS:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours} h ' if hours else ''}{minutes} min {rest} s"


def size(length: int) -> str:
    """Return the bytes in the largest unit of which they are a multiple."""
    for unit, bytes_of_unit in _SIZES:
        if length >= bytes_of_unit and length % bytes_of_unit == 0:
            return f"{length // bytes_of_unit} {unit}"
    return f"{length:,} byte{'' if length == 1 else 's'}"
