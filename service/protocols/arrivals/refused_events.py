"""How old the oldest event is that each hook has refused, as far as this replica has seen.

Only its time is kept. A refused event is tried again after about as long as it is old, by some
replica: one that does not come back in twice that time was accepted by way of another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from service.clock import Clock

_SLACK: Final = 120.0  # seconds


@dataclass(slots=True)
class _Oldest:
    happened_at: float
    forget_at: float


class RefusedEvents:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._oldest: dict[str, _Oldest | None] = {}

    def keep(self, hooks: Iterable[str]) -> None:
        """Forget all other hooks."""
        self._oldest = {hook: self._oldest.get(hook) for hook in hooks}

    def note(self, hook: str, happened_at: float, *, is_refused: bool) -> None:
        """Note a try to deliver an event of this time, in epoch seconds."""
        if hook not in self._oldest:  # it was removed meanwhile
            return
        now, oldest = self._clock.wall(), self._oldest[hook]
        is_known = oldest is not None and now < oldest.forget_at
        if oldest is not None and is_known and happened_at > oldest.happened_at:
            return
        kept = _Oldest(happened_at, now + 2 * max(0.0, now - happened_at) + _SLACK)
        self._oldest[hook] = kept if is_refused else None

    def ages(self) -> Iterable[tuple[str, float]]:
        """Yield each hook, and an age in seconds, which is 0 if there is no such event."""
        now = self._clock.wall()
        for hook, oldest in self._oldest.items():
            is_known = oldest is not None and now < oldest.forget_at
            yield hook, max(0.0, now - oldest.happened_at) if oldest and is_known else 0.0
