"""The keys of one issuer, kept fresh by a task of their own.

Rules of this file:
- Whoever sends a token whose key is known awaits nothing.
- Anybody can send a token with a `kid` that nobody knows, so that asks the issuer at most once in
  30 seconds, however the last attempt ended. An attempt is shared, and belongs to no request.
- An issuer that is down changes nothing for a day. Then its keys are dropped: one of them may have
  been withdrawn long ago.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Final, Protocol

from service.auth.jwks_client import JwksSource, KeysUnavailable
from service.auth.tokens import UnreadableKeys, VerificationKey, read_keys
from service.clock import Clock
from service.concurrency.waiting import Waiting
from service.errors import Overloaded

log = logging.getLogger(__name__)

NO_KEYS: Final = "The keys of this token's issuer cannot be had right now."
REFRESH_SECONDS: Final = 600.0
RETRY_SECONDS: Final = 30.0  # from one attempt to the next, however the first ended
STALE_SECONDS: Final = 86_400.0
WAIT_SECONDS: Final = 5.0  # the longest that a request waits
JITTER: Final = 0.1  # of REFRESH_SECONDS, so that replicas do not ask together
_ATTEMPT_SECONDS: Final = 10.0  # a source gives up sooner by itself
_LONGEST_SLEEP: Final = 30.0


class KeysObserver(Protocol):
    def keys_fetched(self, issuer: str, outcome: str) -> None:
        """An attempt has ended: `ok` or `failed`."""


class JwksCache:
    def __init__(
        self,
        source: JwksSource,
        *,
        name: str,
        clock: Clock,
        chance: Callable[[], float],
        observer: KeysObserver | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        """`name` is for the log. `chance` draws from [0, 1): the jitter of refreshes.

        `waiting` limits how many requests wait for keys, of all issuers together.
        """
        self._source = source
        self._name = name
        self._clock = clock
        self._chance = chance
        self._observer = observer
        self._keys: Mapping[str, VerificationKey] = {}
        self._generation = 0
        self._fetched_at = -math.inf
        self._attempted_at = -math.inf
        self._due_at = -math.inf
        self._failing = False
        self._waiting = waiting or Waiting()
        self._attempt: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def generation(self) -> int:
        """Grows when the keys have changed: what was verified before has to be verified anew."""
        self._drop_stale()
        return self._generation

    def knows(self, kid: str) -> bool:
        self._drop_stale()
        return kid in self._keys

    async def find(self, kid: str) -> VerificationKey | None:
        """The key. One that is not known is waited for a little, if the issuer may be asked now.

        Raises `Overloaded` while there are no keys at all.
        """
        # Strangers must not fill the service by waiting for keys that nobody has.
        if not self.knows(kid) and self._may_ask() and self._waiting.enter("issuers"):
            try:
                await self._attempted()
            finally:
                self._waiting.leave("issuers")
        self._drop_stale()
        if self._is_stale():
            raise Overloaded(NO_KEYS, retry_after=math.ceil(max(1.0, self._pause_left())))
        return self._keys.get(kid)

    def _may_ask(self) -> bool:
        return self._is_attempting() or self._pause_left() <= 0

    def start(self) -> None:
        """Begin to fetch. The keys come when they come: a start needs no issuer."""
        self._task = asyncio.create_task(self._keep(), name=f"keys of {self._name}")

    async def stop(self) -> None:
        """End the tasks. The source is its owner's to close."""
        tasks = [task for task in (self._task, self._attempt) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            try:
                await self._step()
            except Exception:
                log.exception("the keys of issuer %s are not kept fresh", self._name)
                await asyncio.sleep(RETRY_SECONDS)

    async def _step(self) -> None:
        due_in = self._due_at - self._clock.boot()
        if self._is_attempting() or due_in <= 0:
            attempt = await self._attempted()
            if attempt.done():
                attempt.result()  # a bug is not to be met again at once
        else:
            # Not all at once: the loop's clock may stand still in a suspend, ours does not.
            await asyncio.sleep(min(due_in, _LONGEST_SLEEP))

    async def _attempted(self) -> asyncio.Task[None]:
        """Wait for the one attempt, which goes on without us. Cancelling this ends nothing."""
        if self._attempt is None or self._attempt.done():
            # In a context of its own: what it logs belongs to no request.
            self._attempt = asyncio.create_task(
                self._fetch(), name=f"fetch keys of {self._name}", context=Context()
            )
        attempt = self._attempt
        await asyncio.wait({attempt}, timeout=WAIT_SECONDS)
        return attempt

    async def _fetch(self) -> None:
        self._attempted_at = self._clock.boot()
        self._due_at = self._attempted_at + RETRY_SECONDS
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                document = await self._source.fetch()
            self._accept(read_keys(document))
        except asyncio.CancelledError as error:
            # Ours to obey only if it is this task that is being ended.
            if self._attempt is None or self._attempt.cancelling():
                raise
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a source's bug is a failure like others
            self._fail(error)

    def _accept(self, keys: Mapping[str, VerificationKey]) -> None:
        if keys != self._keys:
            self._replace(keys)
        self._fetched_at = self._attempted_at
        self._due_at = self._attempted_at + REFRESH_SECONDS * (1 - JITTER * self._chance())
        if self._failing:
            log.info("the keys of issuer %s can be had again", self._name)
        self._failing = False
        self._tell("ok")

    def _fail(self, error: BaseException) -> None:
        self._failing = True
        # The words of any other error may hold what the issuer was sent, a secret among it.
        told = isinstance(error, KeysUnavailable | UnreadableKeys)
        words = str(error) if told else type(error).__name__
        log.warning(
            "no keys of issuer %s, again in %.0f s: %s",
            self._name,
            self._due_at - self._clock.boot(),
            words,
        )
        self._tell("failed")

    def _tell(self, outcome: str) -> None:
        if self._observer is not None:
            self._observer.keys_fetched(self._name, outcome)

    def _drop_stale(self) -> None:
        if self._keys and self._is_stale():
            log.error("the keys of issuer %s are too old and no longer used", self._name)
            self._replace({})

    def _is_stale(self) -> bool:
        return self._clock.boot() - self._fetched_at > STALE_SECONDS

    def _replace(self, keys: Mapping[str, VerificationKey]) -> None:
        self._keys = keys
        self._generation += 1

    def _is_attempting(self) -> bool:
        return self._attempt is not None and not self._attempt.done()

    def _pause_left(self) -> float:
        return self._attempted_at + RETRY_SECONDS - self._clock.boot()
