"""A session: the credentials that sign, when they end, and the store's time.

Times are epoch seconds by STS's clock, since STS and S3 go by theirs and not by ours.
`server_time_at_boot` maps them to a boot clock, which keeps counting during a suspend and which
nobody sets. So a wrong or corrected local clock changes no URL.
"""

import math
from dataclasses import dataclass

from service.clock import Clock
from service.signing.signer import Address, RequestSigner, Signer
from service.signing.sigv4 import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Static keys never expire. They have no `server_time_at_boot`: the wall clock counts.

    `role_id` is the unique id of the assumed role, if STS said it.
    """

    credentials: Credentials
    name: str
    starts_at: float
    expires_at: float = math.inf
    server_time_at_boot: float | None = None
    packed_policy_percent: int | None = None  # of STS's limit for policy and tags
    role_id: str | None = None

    def signer(self, address: Address) -> RequestSigner:
        """Return what signs with it at an address."""
        return Signer(self.credentials, address)

    def that_signed(self, token: str | None) -> "Session | None":  # noqa: ARG002
        """Return it with the credentials of a URL that has its key id and this token.

        None if they did not sign the URL.
        """
        return self

    @property
    def length(self) -> float:
        """Seconds."""
        return self.expires_at - self.starts_at

    def now(self, clock: Clock) -> float:
        """Return the server's time."""
        if self.server_time_at_boot is None:
            return clock.wall()
        return clock.boot() + self.server_time_at_boot

    def remaining(self, clock: Clock) -> float:
        """Return the seconds left."""
        return self.expires_at - self.now(clock)

    def members(self) -> tuple[tuple[str, str], ...]:
        """Return what an audit line says of who signed."""
        return (("session_name", self.name), ("access_key_id", self.credentials.access_key_id))
