"""How often a failed attempt is repeated, and after how long."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from presign_client.errors import PresignError

T = TypeVar("T")


class TemporaryError(Exception):
    """An attempt failed, and another one may succeed.

    `after` is how many seconds to wait at least. `tries` limits the attempts further.
    """

    def __init__(self, error: PresignError, *, after: float = 0.0, tries: int = 2**31) -> None:
        super().__init__(str(error))
        self.error, self.after, self.tries = error, after, tries


@dataclass(frozen=True)
class Retries:
    """Waits longer before each further attempt, with jitter, and as long as `Retry-After` says."""

    tries: int = 6
    max_wait: float = 60.0  # seconds; a longer `Retry-After` is an error
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def run(self, attempt: Callable[[int], T]) -> T:
        """Return what `attempt` returns. It gets its number, from 1.

        Raises:
            PresignError: the last attempt's, or that of one which cannot be repeated.

        """
        number = 1
        while True:
            try:
                return attempt(number)
            except TemporaryError as failure:
                if number >= min(self.tries, failure.tries) or failure.after > self.max_wait:
                    raise failure.error from None
                self.sleep(max(failure.after, self.random() * 2 ** (number - 1)))
            number += 1
