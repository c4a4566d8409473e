"""The same work for many objects at once: those that fail end no other, unless all would."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from presign_client.errors import FATAL, PresignError
from presign_client.folder_results import Failed
from presign_client.store import Store
from presign_client.transfers.workers import workers

Item = TypeVar("Item")
Result = TypeVar("Result")


def each_of(
    items: Iterable[tuple[str, Item]],
    work: Callable[[Item], Result],
    parallel: int,
    store: Store | None = None,
) -> tuple[list[tuple[str, Result]], tuple[Failed, ...]]:
    """Return what `work` returned for each item, and what failed, both by the items' keys.

    Raises:
        PresignError: that all items would meet: no answer, or no valid token.

    """

    def attempt(item: tuple[str, Item]) -> tuple[str, Result] | Failed:
        key, value = item
        try:
            return key, work(value)
        except (PresignError, OSError) as error:
            if isinstance(error, PresignError) and error.code in FATAL:
                raise
            return Failed(path=Path(key), key=key, error=error)

    with workers(parallel, store) as running:
        found = sorted(running.each(attempt, items), key=_key)
    done = [each for each in found if not isinstance(each, Failed)]
    return done, tuple(each for each in found if isinstance(each, Failed))


def _key(each: tuple[str, object] | Failed) -> str:
    return each.key if isinstance(each, Failed) else each[0]
