"""Share links and visits to them, and the store that they share with other replicas."""

import secrets
from contextlib import AsyncExitStack

from service.api.parts import Core, UseCase
from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts
from service.protocols.links.drop_box import DropBoxes
from service.protocols.links.link import SALT_BYTES
from service.protocols.links.link_store import LinkStore
from service.protocols.links.linked_objects import LinkedObjects
from service.protocols.links.memory_link_store import MemoryLinkStore
from service.protocols.links.revocations import Revocations
from service.protocols.links.service import Links
from service.protocols.links.settings import MEMORY, LinksValues
from service.protocols.links.visits import LinkVisits


class ShareLinks(UseCase[LinksValues]):
    """It follows the revocations of the store from the start until it is closed.

    If there are no links at the start, neither their routes nor their store are there: then no
    later settings have an effect.
    """

    def __init__(self, core: Core, values: LinksValues | None) -> None:
        super().__init__(values)
        self.presigner = core.presigner
        self._has_routes = values is not None
        self._closing = AsyncExitStack()
        self.shared: Revocations | None = None
        if values is not None and values.store_url is not None:
            store = self._open(values.store_url, core.clock)
            failed = core.metrics.link_store_failed
            self.shared = Revocations(store, clock=core.clock, on_failure=failed)
            self.shared.attempts.start()
            self._closing.push_async_callback(self.shared.attempts.stop)
        self.objects = LinkedObjects(core.authorizer, core.store)
        self.links = Links(
            values,
            self.shared,
            authorizer=core.authorizer,
            objects=self.objects,
            clock=core.clock,
            salt=lambda: secrets.token_bytes(SALT_BYTES),
        )
        self.visits = LinkVisits(self.links, clock=core.clock)
        self.drop_boxes = DropBoxes(clock=core.clock, unique_id=core.unique_id)

    def configure(self, values: LinksValues | None) -> None:
        if self._has_routes:
            self.values = self.links.values = values
            self.visits.forget()

    def attempts(self) -> list[SharedAttempts]:
        return [] if self.shared is None else [self.shared.attempts]

    def not_ready(self) -> str | None:
        has_looked = self.shared is None or self.shared.has_looked
        return None if has_looked else "the revoked links are being read"

    async def close(self) -> None:
        await self._closing.aclose()

    def _open(self, url: str, clock: Clock) -> LinkStore:
        if url == MEMORY:
            return MemoryLinkStore(clock)
        # Redis is a twentieth of the start's time and memory, and few need it.
        from service.protocols.links.redis_link_store import RedisLinkStore  # noqa: PLC0415

        store = RedisLinkStore(url, clock=clock)
        self._closing.push_async_callback(store.close)
        return store
