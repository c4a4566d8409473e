"""The keys of one issuer, refreshed in the background.

Rules of this file:
- A token whose key is known waits for nothing.
- Anybody can send a token with an unknown `kid`, so the issuer is asked at most once in 30 seconds,
  whether the last attempt failed or not. All requests share the attempt.
- If the issuer is down, its keys stay in use for a day. Then they are dropped, since one of them
  may have been withdrawn long ago.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from service.auth.jwks_client import JwksSource, KeysUnavailable
from service.auth.tokens import UnreadableKeys, VerificationKey, read_keys
from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts, attempt
from service.concurrency.waiting import Waiting
from service.errors import Overloaded
from service.telemetry.spans import NO_SPANS, Spans

log = logging.getLogger(__name__)

NO_KEYS: Final = "The keys of this token's issuer are not available right now."
TOO_MANY_WAIT: Final = "Too many requests are already waiting for the keys of issuers."
REFRESH_SECONDS: Final = 600.0
RETRY_SECONDS: Final = 30.0  # from one attempt to the next, whether the first failed or not
STALE_SECONDS: Final = 86_400.0
WAIT_SECONDS: Final = 5.0  # the longest that a request waits
JITTER: Final = 0.1  # of REFRESH_SECONDS, so that replicas do not fetch at the same time
_ATTEMPT_SECONDS: Final = 10.0  # the source's own limit is shorter


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
        jitter: Callable[[], float],
        observer: KeysObserver,
        waiting: Waiting | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`name` is for the log; `jitter` returns a random number in [0, 1).

        `waiting` limits how many requests wait for keys, of all issuers together.
        """
        self._source = source
        self._name = name
        self._clock = clock
        self._jitter = jitter
        self._observer = observer
        self._spans = spans
        self._keys: Mapping[str, VerificationKey] = {}
        self._generation = 0
        self._fetched_at = -math.inf
        self._attempted_at = -math.inf
        self._due_at = -math.inf
        self._is_fetching = False
        self._is_failing = False
        self.attempts = SharedAttempts(
            self._step, name=f"keys of {name}", waiting=waiting or Waiting()
        )

    @property
    def generation(self) -> int:
        """Grows whenever the keys change: tokens verified before must then be verified again."""
        self._drop_stale()
        return self._generation

    def knows(self, kid: str) -> bool:
        self._drop_stale()
        return kid in self._keys

    async def find(self, kid: str) -> VerificationKey | None:
        """Return the key, or None. Waits for an unknown key if the issuer may be asked now.

        Raises `Overloaded` while there are no keys at all.
        """
        detail = NO_KEYS
        if not self.knows(kid) and (self._is_fetching or self._pause_left() <= 0):
            if not self._is_fetching:
                self._due_at = -math.inf
            if not await self.attempts.wait(WAIT_SECONDS, "issuers"):
                detail = TOO_MANY_WAIT
        self._drop_stale()
        if self._is_stale():
            raise Overloaded(detail, retry_after=math.ceil(max(1.0, self._pause_left())))
        return self._keys.get(kid)

    def start(self) -> None:
        """Start to fetch the keys. Nothing waits: the service starts without the issuer."""
        self.attempts.start()

    async def stop(self) -> None:
        """End the task. The source remains open."""
        await self.attempts.stop()

    async def _step(self) -> float:
        due_in = self._due_at - self._clock.boot()
        if due_in > 0:
            return due_in
        self._attempted_at = self._clock.boot()
        self._due_at = self._attempted_at + RETRY_SECONDS
        self._is_fetching = True
        try:
            await self._fetch()
        except asyncio.CancelledError:  # interrupted, so the issuer may be asked again at once
            self._attempted_at = self._due_at = -math.inf
            raise
        finally:
            self._is_fetching = False
        self.attempts.ended()
        return 0

    async def _fetch(self) -> None:
        attributes, waiting = {"presign.issuer": self._name}, self.attempts.waiting_contexts
        with self._spans.shared_call("GET jwks", attributes, waiting) as call:
            try:
                self._accept(read_keys(await attempt(self._source.fetch(), _ATTEMPT_SECONDS)))
            except Exception as error:  # noqa: BLE001 - a bug of the source is a failure like others
                call.outcome = "failed"
                self._fail(error)

    def _accept(self, keys: Mapping[str, VerificationKey]) -> None:
        if keys != self._keys:
            self._replace(keys)
        self._fetched_at = self._attempted_at
        self._due_at = self._attempted_at + REFRESH_SECONDS * (1 - JITTER * self._jitter())
        if self._is_failing:
            log.info("the keys of issuer %s are available again", self._name)
        self._is_failing = False
        self._observer.keys_fetched(self._name, "ok")

    def _fail(self, error: Exception) -> None:
        self._is_failing = True
        # The message of any other error may contain what was sent to the issuer, even a secret.
        is_safe = isinstance(error, KeysUnavailable | UnreadableKeys)
        reason = str(error) if is_safe else type(error).__name__
        pause = self._due_at - self._clock.boot()
        log.warning("no keys of issuer %s, next attempt in %.0f s: %s", self._name, pause, reason)
        self._observer.keys_fetched(self._name, "failed")

    def _drop_stale(self) -> None:
        if self._keys and self._is_stale():
            log.error("the keys of issuer %s are too old and no longer used", self._name)
            self._replace({})

    def _is_stale(self) -> bool:
        return self._clock.boot() - self._fetched_at > STALE_SECONDS

    def _replace(self, keys: Mapping[str, VerificationKey]) -> None:
        self._keys = keys
        self._generation += 1

    def _pause_left(self) -> float:
        return self._attempted_at + RETRY_SECONDS - self._clock.boot()
