"""Sends what the service itself asks of a store: signed by `signing/`, on the caller's own session.

Rules of this file:
- A call has a deadline for all of it, few retries within that, and a place among few: a store that
  hangs holds up its own bucket's calls, and no others.
- A call is signed anew each time it is sent, for a minute.
- No redirect is followed: a signature is for one host.
- A failure's words hold nothing of the address, which is signed, nor of the answer.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Protocol, TypeVar

import httpx

from service.answers import Leave
from service.errors import Overloaded, StorageRefused, StorageUnavailable
from service.sessions.session import Clock
from service.signing.signer import Signable
from service.store.documents import error_code
from service.store.refusals import Refused

T = TypeVar("T")

CALL_SECONDS: Final = 15.0
CALLS: Final = 64  # under way, in a process
CALLS_A_BUCKET: Final = 32
TURN_SECONDS: Final = 2.0  # that a call waits for its place
ATTEMPTS: Final = 3
MAX_ANSWER_BYTES: Final = (
    4 * 1024**2
)  # a page of 1,000 parts or uploads has half a megabyte at most
_LONG_BYTES: Final = 64 * 1024  # some 2 ms to parse
_EXPIRES_IN: Final = 60
_PAUSE: Final = 0.2  # doubled each time, and drawn from
_CONNECT_SECONDS: Final = 2.0
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_AGAIN_CODES: Final = frozenset(
    {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
)


class StoreObserver(Protocol):
    def store_called(self, bucket: str, action: str, outcome: str, seconds: float) -> None:
        """A call has ended: `ok`, `refused` or `unavailable`."""


@dataclass(frozen=True, slots=True)
class Reply:
    headers: httpx.Headers
    body: bytes

    async def read(self, parse: Callable[[bytes], T]) -> T:
        """What `parse` makes of the body; a long one is parsed where it does not hold up the loop."""
        if len(self.body) < _LONG_BYTES:
            return parse(self.body)
        return await asyncio.to_thread(parse, self.body)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    code: str | None
    reply: Reply

    @property
    def is_success(self) -> bool:
        return self.code is None and httpx.codes.is_success(self.status)

    @property
    def is_worth_another(self) -> bool:
        return self.status in _AGAIN or self.code in _AGAIN_CODES


class StoreCalls:
    def __init__(
        self,
        *,
        clock: Clock,
        chance: Callable[[], float],
        observer: StoreObserver,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`chance` draws from [0, 1). Proxies are taken from the environment, for https alone."""
        self._clock = clock
        self._chance = chance
        self._observer = observer
        self._places = asyncio.Semaphore(CALLS)
        self._places_of = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(CALLS_A_BUCKET)
        )
        self._client = httpx.AsyncClient(
            transport=transport,
            mounts={"http://": None},
            timeout=httpx.Timeout(
                None, connect=_CONNECT_SECONDS
            ),  # a call's own limit is for all of it
            limits=httpx.Limits(max_connections=CALLS, keepalive_expiry=15),
            headers={"User-Agent": "presign", "Accept-Encoding": "identity"},
            # What a store sets would go along with another caller's call.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def send(
        self,
        leave: Leave,
        action: Signable,
        *,
        bucket: str,
        key: str = "",
        body: bytes = b"",
        seconds: float = CALL_SECONDS,
    ) -> Reply:
        """What the store answers. Raises Refused, StorageUnavailable or Overloaded.

        Without `key` the bucket is addressed. `seconds` are the deadline, all retries included.
        """
        began, outcome = self._clock.boot(), "unavailable"
        try:
            async with self._place(bucket), asyncio.timeout(seconds):
                reply = await self._persist(leave, action, key, body)
            outcome = "ok"
        except TimeoutError:
            raise StorageUnavailable(f"The store did not answer within {seconds:g} s.") from None
        except (Refused, StorageRefused):
            outcome = "refused"
            raise
        finally:
            spent = self._clock.boot() - began
            self._observer.store_called(bucket, type(action).__name__, outcome, spent)
        return reply

    async def close(self) -> None:
        await self._client.aclose()

    async def _persist(self, leave: Leave, action: Signable, key: str, body: bytes) -> Reply:
        for attempt in range(1, ATTEMPTS + 1):
            answer = await self._attempt(leave, action, key, body)
            if answer is not None and answer.is_success:
                return answer.reply
            if answer is not None and not answer.is_worth_another:
                raise Refused(answer.status, answer.code, attempts=attempt)
            if attempt < ATTEMPTS:
                await asyncio.sleep(self._chance() * _PAUSE * 2**attempt)
        raise StorageUnavailable("The store cannot be reached, or says that it cannot answer.")

    async def _attempt(
        self, leave: Leave, action: Signable, key: str, body: bytes
    ) -> _Answer | None:
        """None where no answer came; what was asked for may have been done all the same."""
        url = leave.inner_signer.presign(
            action, key, now=int(leave.session.now(self._clock)), expires_in=_EXPIRES_IN
        )
        try:
            async with self._client.stream(
                action.METHOD, url, content=body, headers=action.headers()
            ) as response:
                read = await _read(response)
        except httpx.TransportError:
            return None
        # S3 begins a long answer with 200 and may end it with an error.
        reply = Reply(response.headers, read)
        tells = response.is_error or b"<Error" in read
        code = await reply.read(error_code) if tells else None
        return _Answer(response.status_code, code, reply)

    @asynccontextmanager
    async def _place(self, bucket: str) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(TURN_SECONDS):
                    await stack.enter_async_context(self._places_of[bucket])
                    await stack.enter_async_context(self._places)
            except TimeoutError:
                detail = "Too many calls to this store are under way."
                raise Overloaded(detail, retry_after=1) from None
            yield


async def _read(response: httpx.Response) -> bytes:
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) > MAX_ANSWER_BYTES:
            raise StorageRefused("The store's answer is too long.")
    return bytes(read)
