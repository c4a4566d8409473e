"""How many lines a second may be written of one kind. Pure."""

_SECOND = 1.0


class LineLimit:
    """At most `most` lines in a second; the others are counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = -_SECOND
        self._written = 0
        self._suppressed = 0

    def matches_content_type(self, now: float) -> bool:
        """Whether a line may be written at `now`, in seconds."""
        if now - self._since >= _SECOND:
            self._since, self._written = now, 0
        if self._written >= self._most:
            self._suppressed += 1
            return False
        self._written += 1
        return True

    def suppressed(self) -> int:
        """How many lines were not written since this was last asked."""
        count, self._suppressed = self._suppressed, 0
        return count
