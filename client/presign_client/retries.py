"""How often a failed attempt is repeated, and after how long."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from presign_client.errors import PresignError
from presign_client.stopping import check_wanted, pause

T = TypeVar("T")
UNLIMITED = 2**31


class TemporaryError(Exception):
    """An attempt failed, and another one may succeed.

    `after` is how many seconds to wait at least. `tries` limits the attempts further. `reached` is
    how many bytes of a body the attempt has moved.
    """

    def __init__(
        self, error: PresignError, *, after: float = 0.0, tries: int = UNLIMITED, reached: int = 0
    ) -> None:
        super().__init__(str(error))
        self.error, self.after, self.tries, self.reached = error, after, tries, reached


@dataclass(frozen=True)
class Retries:
    """Waits longer before each further attempt, with jitter, and as long as `Retry-After` says.

    Attempts are counted again from one that has moved more bytes than all before it.
    """

    tries: int = 6
    max_wait: float = 60.0  # seconds; a longer `Retry-After` is an error
    sleep: Callable[[float], None] = pause
    random: Callable[[], float] = random.random
    now: Callable[[], float] = time.time  # goes on while the machine sleeps

    def run(self, attempt: Callable[[int], T]) -> T:
        """Return what `attempt` returns. It gets its number, from 1.

        Raises:
            PresignError: the last attempt's, or that of one which cannot be repeated.
            StoppedError: if this thread is to end.

        """
        number = count = 1
        furthest = 0
        while True:
            check_wanted()  # it may have waited for a lock, and would connect for ten seconds now
            try:
                return attempt(number)
            except TemporaryError as failure:
                if failure.reached > furthest:
                    count, furthest = 1, failure.reached
                if count >= min(self.tries, failure.tries) or failure.after > self.max_wait:
                    raise failure.error from None
                self.sleep(max(failure.after, self.random() * 2 ** (count - 1)))
            number, count = number + 1, count + 1
