"""A store of uses for one process, such as the demo's. It is lost when the process ends."""

from dataclasses import dataclass

from service.clock import Clock
from service.protocols.links.link_store import WINDOW_SECONDS, Revoked, Use


@dataclass(slots=True)
class _Uses:
    left: int
    ends_at: int
    open_until: float = 0.0


class MemoryLinkStore:
    """A `LinkStore` without a server. No other replica sees its uses and revocations."""

    def __init__(self, clock: Clock, *, window_seconds: float = WINDOW_SECONDS) -> None:
        self._clock = clock
        self._window_seconds = window_seconds
        self._uses: dict[str, _Uses] = {}

    async def register(self, link_id: str, max_uses: int, expires_at: int) -> None:
        now = self._clock.wall()
        self._uses = {each: uses for each, uses in self._uses.items() if uses.ends_at > now}
        self._uses[link_id] = _Uses(max_uses, expires_at)

    async def use(self, link_id: str) -> Use:
        if (uses := self._uses.get(link_id)) is None:
            return Use.REFUSED
        now = self._clock.boot()
        if now < uses.open_until:
            return Use.CONTINUED
        if uses.left < 1:
            return Use.REFUSED
        uses.left -= 1
        uses.open_until = now + self._window_seconds
        return Use.OPENED

    async def revoke(self, link_id: str, expires_at: int) -> None:
        """Do nothing: `Revocations` keeps what its own replica has revoked."""

    async def revoked(self, after: bytes | None) -> Revoked | None:  # noqa: ARG002 - LinkStore's
        """Return None: there are no other replicas that revoke."""
        return None
