"""The shutdown flag that readiness, the protocol and the server share. Pure."""


class Drain:
    """Begins once. From then on the service is not ready, yet answers whoever still comes."""

    def __init__(self) -> None:
        self.begun_at: float | None = None

    def begin(self, now: float) -> None:
        """`now` is in seconds of a clock that only goes on."""
        if self.begun_at is None:
            self.begun_at = now

    @property
    def has_begun(self) -> bool:
        return self.begun_at is not None

    def is_over(self, now: float, seconds: float) -> bool:
        """Whether it has lasted so long that no new request is on its way any more."""
        return self.begun_at is not None and now >= self.begun_at + seconds
