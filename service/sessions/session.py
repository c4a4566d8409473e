"""A session: the credentials that sign, when they end, and the store's time.

Times are the server's (epoch seconds by STS's own clock), for STS and S3 judge by theirs, not by
ours. `server_time_at_boot` ties it to a clock that counts on through a suspend and that nobody
sets; so a local clock which is wrong, or is put right, changes no URL.
"""

import math
from dataclasses import dataclass

from service.clock import Clock
from service.signing.sigv4 import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`expires_at` is infinite for keys that belong to no session.

    `server_time_at_boot` is None for them too: nobody has told us the time, so the wall clock must do.
    """

    credentials: Credentials
    name: str
    starts_at: float
    expires_at: float = math.inf
    server_time_at_boot: float | None = None
    packed_policy_percent: int | None = None  # of what STS takes for policy and tags

    @property
    def length(self) -> float:
        return self.expires_at - self.starts_at

    def now(self, clock: Clock) -> float:
        """The server's time."""
        if self.server_time_at_boot is None:
            return clock.wall()
        return clock.boot() + self.server_time_at_boot

    def remaining(self, clock: Clock) -> float:
        return self.expires_at - self.now(clock)
