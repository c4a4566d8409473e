"""The revoked links, as far as this replica knows them.

Rules of this file:
- A link that is revoked in one replica is dead in each within 2 s: the store is asked twice a
  second.
- While the store is out of reach, what was seen last counts. A replica that has never seen it
  serves no link.
- What was seen is kept until the link ends, even if the store loses it.
- Only what is new is read, a page at a time, and nothing waits for it but links and `/readyz`: so
  callers who end many links delay nobody.
"""

import logging
from collections.abc import Callable
from typing import Final

from service.clock import Clock
from service.concurrency.causes import class_names
from service.concurrency.shared_attempts import SharedAttempts, attempt
from service.concurrency.waiting import Waiting
from service.errors import Overloaded
from service.protocols.links.link_store import LinksByEnd, LinkStore, RevokedPage, StoredLink

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 0.5  # for the store's answer to a poll


class Revocations:
    """The revoked links of the store. `links.revoked_links` of the configuration is not in it."""

    def __init__(self, store: LinkStore, *, clock: Clock, on_failure: Callable[[], None]) -> None:
        """`on_failure` is called for each read of the store that fails.

        `attempts` is the task that follows the store.
        """
        self.store = store
        self._on_failure = on_failure
        self._clock = clock
        self._revoked = LinksByEnd()
        self._last: bytes | None = None
        self._is_known = False
        self._is_failing = False
        self.attempts = SharedAttempts(self._poll, name="revoked links", waiting=Waiting())

    @property
    def has_looked(self) -> bool:
        """Whether all was read once, or could not be read."""
        return self._is_known or self._is_failing

    def is_revoked(self, link_id: str, expires_at: int) -> bool:
        """Return whether a link is revoked. Raises Overloaded until all was read once."""
        if not self._is_known:
            if not self._is_failing:  # a Lambda's instance may have interrupted it
                self.attempts.wake()
            raise Overloaded("Revoked links are not yet known.", retry_after=1)
        return self._revoked.has(link_id, expires_at)

    async def revoke(self, link: StoredLink) -> bool:
        """End a link in each replica. The store gets it each time, as it may have lost it.

        Return False if its maker has revoked too many. Raises Overloaded while the store is out of
        reach.
        """
        if not await self.store.revoke(link):
            return False
        self._revoked.add(link.id, link.expires_at)
        return True

    async def _poll(self) -> float:
        self._revoked.drop_over(self._clock.wall())
        try:
            while found := await attempt(self.store.revoked(self._last), ANSWER_SECONDS):
                self._keep(found)
        except Exception as error:  # noqa: BLE001 - of any kind: the client's, or of the network
            self._failed(error)
            return POLL_SECONDS
        if self._is_failing:
            log.info("the revoked links can be read again")
        self._is_known, self._is_failing = True, False
        return POLL_SECONDS

    def _keep(self, found: RevokedPage) -> None:
        now = self._clock.wall()
        for link_id, end in found.ends.items():
            if end > now:
                self._revoked.add(link_id, end)
        self._last = found.last

    def _failed(self, error: Exception) -> None:
        self._on_failure()
        if not self._is_failing:  # log it once
            # The error's message may hold the store's address.
            message = "the revoked links cannot be read, those seen last count: %s"
            log.warning(message, class_names(error))
        self._is_failing = True
