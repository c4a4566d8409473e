"""The shutdown flag that readiness, the protocol and the server share. Pure."""


class Drain:
    """Once begun, the service reports not ready but still answers requests."""

    def __init__(self) -> None:
        self.begun_at: float | None = None

    def begin(self, now: float) -> None:
        """`now` is in seconds of a monotonic clock. Later calls change nothing."""
        if self.begun_at is None:
            self.begun_at = now

    @property
    def has_begun(self) -> bool:
        return self.begun_at is not None

    def is_over(self, now: float, seconds: float) -> bool:
        return self.begun_at is not None and now >= self.begun_at + seconds
