"""Sends the service's own requests to a store, signed by `signing/` with the caller's session.

Rules of this file:
- A call has a deadline for all of it, few retries within that, and a place among few: a store that
  hangs holds up its own bucket's calls, and no others. Only so many requests wait for one bucket's. Completions, which take minutes, have half of
  all places at most: four buckets that hang hold up the completions of others, and nothing else.
- A call is signed anew each time it is sent, for a minute. One that may have begun an upload is not
  sent again: nobody would know of the first.
- No redirect is followed: a signature is for one host.
- A failure's words hold nothing of the address, which is signed, nor of the answer.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Protocol, TypeVar

import httpx

from service.clock import Clock
from service.concurrency.shared_client import SharedClient
from service.concurrency.waiting import Waiting
from service.errors import Overloaded, StorageRefused, StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.errors import S3Error
from service.s3.xml import error_code
from service.signing.actions import ListObjects
from service.signing.multipart_actions import (
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
)
from service.signing.signer import Signable

T = TypeVar("T")

CALL_SECONDS: Final = 15.0
CALLS: Final = 128  # under way, in a process
CALLS_A_BUCKET: Final = 16
COMPLETIONS: Final = CALLS // 2  # of these, since each may take minutes
COMPLETIONS_A_BUCKET: Final = 16  # beside a bucket's other calls
SLOT_WAIT_SECONDS: Final = 2.0  # that a call waits for its place
ATTEMPTS: Final = 3
MAX_LIST_BYTES: Final = 1024**2  # a page of 1,000 parts has half of that at most
MAX_ANSWER_BYTES: Final = 64 * 1024  # of all that is no list
MAX_CHUNKS: Final = 4096  # each takes the loop's time, be it of one byte
_LONG_BYTES: Final = 64 * 1024  # some 2 ms to parse
_EXPIRES_IN: Final = 60
_PAUSE: Final = 0.2  # doubled each time, and drawn from
_CONNECT_SECONDS: Final = 2.0
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_AGAIN_CODES: Final = frozenset(
    {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
)


class S3Observer(Protocol):
    def store_called(self, bucket: str, action: str, outcome: str, seconds: float) -> None:
        """A call has ended: `ok`, `refused`, `unavailable`, `overloaded` or `cancelled`.

        `unavailable` is the store's fault. `overloaded` had no place here, and was not sent;
        `cancelled` is whose caller went away.
        """


@dataclass(frozen=True, slots=True)
class Reply:
    headers: httpx.Headers
    body: bytes

    async def read(self, parse: Callable[[bytes], T]) -> T:
        """Return what `parse` makes of the body. A long body is parsed in a thread."""
        if len(self.body) < _LONG_BYTES:
            return parse(self.body)
        return await asyncio.to_thread(parse, self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    store_access: StoreAccess
    action: Signable
    bucket: str
    key: str
    body: bytes
    seconds: float

    @property
    def is_completion(self) -> bool:
        return isinstance(self.action, CompleteMultipartUpload)

    @property
    def is_safe_to_repeat(self) -> bool:
        return not isinstance(self.action, CreateMultipartUpload)

    @property
    def attempt_seconds(self) -> float:
        """Short enough that a stuck attempt leaves time for another. A completion may take a store minutes."""
        return self.seconds if self.is_completion else self.seconds / ATTEMPTS

    @property
    def max_bytes(self) -> int:
        is_list = isinstance(self.action, ListParts | ListMultipartUploads | ListObjects)
        return MAX_LIST_BYTES if is_list else MAX_ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    code: str | None
    reply: Reply

    @property
    def is_success(self) -> bool:
        return self.code is None and httpx.codes.is_success(self.status)

    @property
    def is_retryable(self) -> bool:
        return self.status in _AGAIN or self.code in _AGAIN_CODES


class S3Client:
    def __init__(
        self,
        *,
        clock: Clock,
        chance: Callable[[], float],
        observer: S3Observer,
        transport: httpx.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | bool = True,
        waiting: Waiting | None = None,
    ) -> None:
        """`chance` returns a random number in [0, 1). Proxies come from the environment, for https only.

        `verify` is whom to trust; True are the usual authorities. `waiting` limits how many requests
        wait for the calls of a bucket.
        """
        self._waiting = waiting or Waiting()
        self._clock = clock
        self._chance = chance
        self._observer = observer
        self._places = asyncio.Semaphore(CALLS)
        self._completions = asyncio.Semaphore(COMPLETIONS)
        self._places_of = defaultdict[str, asyncio.Semaphore](
            partial(asyncio.Semaphore, CALLS_A_BUCKET)
        )
        self._completions_of = defaultdict[str, asyncio.Semaphore](
            partial(asyncio.Semaphore, COMPLETIONS_A_BUCKET)
        )
        self._transport = transport
        self._client = self._opened(verify)

    def _opened(self, verify: ssl.SSLContext | bool) -> SharedClient[httpx.AsyncClient]:  # noqa: FBT001 - httpx's own word
        client = httpx.AsyncClient(
            transport=self._transport,
            verify=verify,
            mounts={"http://": None},
            timeout=httpx.Timeout(
                None, connect=_CONNECT_SECONDS
            ),  # a call's own limit is for all of it
            limits=httpx.Limits(max_connections=CALLS, keepalive_expiry=15),
            headers={"User-Agent": "presign", "Accept-Encoding": "identity"},
            # What a store sets would go along with another caller's call.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        return SharedClient(client, client.aclose)

    async def trust(self, verify: ssl.SSLContext) -> None:
        """Use these certificates for calls that start from now on."""
        old, self._client = self._client, self._opened(verify)
        await old.retire()

    async def send(
        self,
        store_access: StoreAccess,
        action: Signable,
        *,
        bucket: str,
        key: str = "",
        body: bytes = b"",
        seconds: float = CALL_SECONDS,
    ) -> Reply:
        """Return the store's response. Raises S3Error, StorageUnavailable or Overloaded.

        Without `key` the bucket is addressed. `seconds` are the deadline, all retries included.
        """
        call = _Call(
            store_access=store_access,
            action=action,
            bucket=bucket,
            key=key,
            body=body,
            seconds=seconds,
        )
        what = ("store", bucket)
        with self._observed(call):
            if not self._waiting.enter(what):
                raise _too_many()
            try:
                async with self._place(call):
                    return await self._in_time(call)
            finally:
                self._waiting.leave(what)

    async def close(self) -> None:
        await self._client.close()

    async def _in_time(self, call: _Call) -> Reply:
        try:
            async with asyncio.timeout(call.seconds):
                return await self._persist(call)
        except TimeoutError:
            detail = f"The store did not answer within {call.seconds:g} s."
            raise StorageUnavailable(detail) from None

    async def _persist(self, call: _Call) -> Reply:
        for attempt in range(1, ATTEMPTS + 1):
            answer = await self._attempt(call)
            if answer is not None and answer.is_success:
                return answer.reply
            if answer is not None and not answer.is_retryable:
                raise S3Error(answer.status, answer.code, attempts=attempt)
            if attempt < ATTEMPTS:
                await asyncio.sleep(self._chance() * _PAUSE * 2**attempt)
        raise StorageUnavailable("The store cannot be reached, or says that it cannot answer.")

    async def _attempt(self, call: _Call) -> _Answer | None:
        """Return None if there was no response; the store may have carried out the request all the same."""
        try:
            async with asyncio.timeout(call.attempt_seconds):
                return await self._answer(call)
        except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent
            return None
        # InvalidURL: httpx makes the request of a redirect that nobody follows, and of any Location.
        except (httpx.TransportError, httpx.InvalidURL, TimeoutError):
            if call.is_safe_to_repeat:
                return None
        raise StorageUnavailable("The store did not answer; the upload may have begun.")

    async def _answer(self, call: _Call) -> _Answer:
        now = int(call.store_access.session.now(self._clock))
        url = call.store_access.internal_signer.presign(
            call.action, call.key, now=now, expires_in=_EXPIRES_IN
        )
        async with (
            self._client.for_a_call() as client,
            client.stream(
                call.action.METHOD, url, content=call.body, headers=call.action.headers()
            ) as response,
        ):
            read = await _read(response, call.max_bytes)
        # S3 begins a long answer with 200 and may end it with an error.
        reply = Reply(response.headers, read)
        tells = response.is_error or b"<Error" in read
        code = await reply.read(error_code) if tells else None
        return _Answer(response.status_code, code, reply)

    @contextmanager
    def _observed(self, call: _Call) -> Iterator[None]:
        began, outcome = self._clock.boot(), "ok"
        try:
            yield
        except BaseException as error:
            outcome = _outcome(error)
            raise
        finally:
            spent = self._clock.boot() - began
            self._observer.store_called(call.bucket, type(call.action).__name__, outcome, spent)

    @asynccontextmanager
    async def _place(self, call: _Call) -> AsyncIterator[None]:
        places = [self._places_of[call.bucket], self._places]
        if call.is_completion:
            places = [self._completions_of[call.bucket], self._completions, self._places]
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(SLOT_WAIT_SECONDS):
                    for each in places:
                        await stack.enter_async_context(each)
            except TimeoutError:
                raise _too_many() from None
            yield


def _too_many() -> Overloaded:
    return Overloaded("Too many calls to this store are under way.", retry_after=1)


def _outcome(error: BaseException) -> str:
    match error:
        case S3Error() | StorageRefused():
            return "refused"
        case Overloaded():
            return "overloaded"
        case asyncio.CancelledError():
            return "cancelled"
        case _:
            return "unavailable"


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    read, chunks = bytearray(), 0
    async for chunk in response.aiter_raw():
        read += chunk
        chunks += 1
        if len(read) > max_bytes or chunks > MAX_CHUNKS:
            raise StorageRefused("The store's answer is too long.")
    return bytes(read)
