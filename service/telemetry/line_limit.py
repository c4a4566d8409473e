"""Limits how many lines of one kind are written in a second. Pure."""


class LineLimit:
    """Allows `maximum` lines a second, and counts the others."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._second_began = float("-inf")
        self._written = 0
        self._suppressed = 0

    def allows(self, now: float) -> bool:
        """Return whether one more line may be written at `now`, in seconds, and count it."""
        if now - self._second_began >= 1.0:
            self._second_began, self._written = now, 0
        if self._written >= self._maximum:
            self._suppressed += 1
            return False
        self._written += 1
        return True

    def suppressed(self) -> int:
        """Return how many lines were suppressed since the last call."""
        count, self._suppressed = self._suppressed, 0
        return count
