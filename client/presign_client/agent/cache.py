"""The credentials that the agent hands out, and when it fetches others."""

import time
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from threading import Event, Lock, Thread

from presign_client.errors import UNREACHABLE, PresignError
from presign_client.results import Credentials

# botocore asks for others when 15 minutes are left, on each request: RefreshableCredentials.
MIN_LEFT = timedelta(minutes=16)
REFRESH_LEFT = timedelta(minutes=17)
CHECK_SECONDS = 30.0
# botocore waits 2 s for an answer: ContainerMetadataFetcher.
ANSWER_SECONDS = 1.4
PAUSE_SECONDS = 5.0  # between two attempts


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class CredentialCache:
    """Hands out credentials that SDKs keep for a while. Threads may share it.

    `fetch` returns new ones. It runs in a thread of its own: all who wait share one attempt, and a
    slow one goes on after they got an answer. They wait `wait` seconds at most. `report` gets each
    failure.
    """

    def __init__(
        self,
        fetch: Callable[[], Credentials],
        report: Callable[[Exception], None],
        wait: float = ANSWER_SECONDS,
        now: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._report, self._wait = fetch, report, wait
        self._now, self._monotonic = now, monotonic
        self._lock = Lock()
        self._current: Credentials | None = None
        self._handed_out: Credentials | None = None
        self._attempt: Future[Credentials] | None = None
        self._started_at = self._ended_at = 0.0

    def get(self) -> Credentials:
        """Return credentials with 16 minutes left or, if there are none in time, the old ones.

        Raises:
            Exception: what `fetch` raised, or `PresignError` if it needs longer than `wait`
                seconds; unless old ones are valid.

        """
        found = self._current
        if found is None or self._left(found) < MIN_LEFT:
            found = self._newer(found)
        self._handed_out = found
        return found

    def _newer(self, old: Credentials | None) -> Credentials:
        attempt, wait = self._new_attempt(), self._wait
        valid = old if old is not None and self._left(old) > timedelta(0) else None
        if valid is not None:  # programs wait once for a slow attempt
            wait = max(0.0, wait - (self._monotonic() - self._started_at))
        try:
            return attempt.result(wait)
        except Exception as error:
            if valid is not None:
                return valid
            if isinstance(error, futures.TimeoutError):
                raise PresignError(UNREACHABLE, "presign did not answer in time.") from None
            raise

    def refresh_until(self, stop: Event) -> None:
        """Fetch others a minute before SDKs ask for them, until `stop` is set."""
        while not stop.wait(CHECK_SECONDS):
            self.refresh_if_due()

    def refresh_if_due(self) -> "Future[Credentials] | None":
        """Fetch others if the current ones are in use, and SDKs will ask for others soon."""
        current = self._current
        if (
            current is None
            or current is not self._handed_out
            or self._left(current) >= REFRESH_LEFT
        ):
            return None
        return self._new_attempt()

    def _left(self, credentials: Credentials) -> timedelta:
        return credentials.expires_at - self._now()

    def _new_attempt(self) -> "Future[Credentials]":
        """Return the attempt that is running, or has just ended, or else a new one."""
        with self._lock:
            attempt = self._attempt
            if attempt is None or (
                attempt.done() and self._monotonic() >= self._ended_at + PAUSE_SECONDS
            ):
                attempt = self._attempt = Future()
                self._started_at = self._monotonic()
                try:
                    Thread(target=self._run, args=(attempt,), daemon=True).start()
                except RuntimeError as error:  # the system has no thread left
                    self._fail(attempt, error)
            return attempt

    def _run(self, attempt: "Future[Credentials]") -> None:
        try:
            self._current = self._fetch()
        except Exception as error:  # noqa: BLE001 - those who wait get it
            self._fail(attempt, error)
        else:
            self._ended_at = self._monotonic()
            attempt.set_result(self._current)

    def _fail(self, attempt: "Future[Credentials]", error: Exception) -> None:
        with suppress(OSError):  # nobody may read the reports any more
            self._report(error)  # first: the command exits once it has the error
        self._ended_at = self._monotonic()
        attempt.set_exception(error)
