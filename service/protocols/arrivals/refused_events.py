"""How long each hook has refused the oldest event that it has not accepted since.

No sender's clock counts. An event is as old as the time since the queue first handed it out, or
since this replica first saw it refused. Only the oldest is kept, and only until it should have come
back: then another replica has notified the hook, or nobody sends it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from service.clock import Clock
from service.protocols.arrivals.messages import Arrival, webhook_id
from service.protocols.arrivals.queue import LONGEST_RETENTION, LONGEST_SECONDS

_SLACK: Final = 120.0  # seconds; stores that push send again within a minute


@dataclass(slots=True)
class _Oldest:
    event_id: str
    since: float
    forget_at: float
    has_accepted_others: bool = False  # since its last try


class RefusedEvents:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._oldest: dict[str, _Oldest | None] = {}

    def keep(self, hooks: Iterable[str]) -> None:
        """Forget all other hooks."""
        self._oldest = {hook: self._oldest.get(hook) for hook in hooks}

    def note(self, hook: str, event: Arrival, *, is_refused: bool) -> None:
        """Note a try to deliver an event."""
        if hook not in self._oldest:  # it was removed meanwhile
            return
        now = self._clock.wall()
        oldest = self._known(hook, now)
        if is_refused:
            self._oldest[hook] = _after_refusal(oldest, event, now)
        elif oldest is not None:
            oldest.has_accepted_others = True
            is_it = webhook_id(event) == oldest.event_id
            self._oldest[hook] = None if is_it else oldest

    def ages(self) -> Iterable[tuple[str, float]]:
        """Yield each hook, and an age in seconds, which is 0 if there is no such event."""
        now = self._clock.wall()
        for hook in self._oldest:
            oldest = self._known(hook, now)
            yield hook, 0.0 if oldest is None else max(0.0, now - oldest.since)

    def _known(self, hook: str, now: float) -> _Oldest | None:
        oldest = self._oldest[hook]
        return None if oldest is None or now >= oldest.forget_at else oldest


def _after_refusal(oldest: _Oldest | None, event: Arrival, now: float) -> _Oldest:
    event_id, since, back_within = webhook_id(event), now, 0.0
    if event.first_seen is not None and now - LONGEST_RETENTION <= event.first_seen <= now:
        # A message is tried again after about as long as it has waited.
        since, back_within = event.first_seen, min(2 * (now - event.first_seen), LONGEST_SECONDS)
    if oldest is not None:
        if event_id == oldest.event_id:
            since = min(since, oldest.since)
        elif oldest.since <= since:
            if not oldest.has_accepted_others:  # the hook refuses all
                oldest.forget_at = max(oldest.forget_at, now + _SLACK)
            return oldest
    return _Oldest(event_id, since, now + back_within + _SLACK)
