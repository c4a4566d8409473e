"""Sends the service's own requests to a store, signed by `signing/` with the caller's session.

Rules of this file:
- A call has one deadline, retries included. It needs one of few slots, so a store that hangs delays
  the calls of its own bucket and no others. Completions take minutes, so they get at most half of
  all slots: four buckets that hang can delay the completions of other buckets, but nothing else.
- Each attempt is signed again, for a minute. A request that may have created an upload is not
  repeated: the first upload would be lost.
- Redirects are not followed: a signature is for one host.
- An error's message contains neither the signed URL nor the response.
"""

import asyncio
import ssl
from asyncio import Semaphore
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import httpx

from service.clock import Clock
from service.concurrency.waiting import Waiting
from service.errors import Overloaded, StorageRefused, StorageUnavailable
from service.http_client.bounded import ResponseTooLong
from service.http_client.session import tls_context
from service.http_client.shared_client import SharedClient
from service.http_client.transport import AiohttpTransport, read_whole
from service.s3.access import StoreAccess
from service.s3.errors import S3Error
from service.s3.forms import PostedForm
from service.s3.observer import S3Observer, observed
from service.s3.xml import error_code
from service.signing.actions import ListObjects, ListObjectVersions
from service.signing.multipart_actions import (
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
)
from service.signing.signer import Signable
from service.telemetry.spans import NO_SPANS, Spans, trace_headers

T = TypeVar("T")

CALL_SECONDS: Final = 15.0
CALLS: Final = 128  # at once, in a process
CALLS_PER_BUCKET: Final = 16
COMPLETIONS: Final = CALLS // 2
COMPLETIONS_PER_BUCKET: Final = 16  # in addition to a bucket's other calls
SLOT_WAIT_SECONDS: Final = 2.0
ATTEMPTS: Final = 3
MAX_LIST_BYTES: Final = 1024**2  # a page of 1,000 parts has at most half of that
MAX_OBJECTS_BYTES: Final = 4 * 1024**2  # 1,000 keys of 1,024 bytes, three times as long if encoded
MAX_ANSWER_BYTES: Final = 64 * 1024  # for everything except lists
_LONG_BYTES: Final = 64 * 1024  # takes about 2 ms to parse
_EXPIRES_IN: Final = 60
_BACKOFF_SECONDS: Final = 0.2  # doubled for each attempt; the pause is a random part of it
_HEADERS: Final = {"User-Agent": "presign", "Accept-Encoding": "identity"}
# A call has its own deadline. Only connecting has another one.
_TIMEOUT: Final = httpx.Timeout(None, connect=2.0).as_dict()
_RETRYABLE_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_PROXY_STATUSES: Final = frozenset({502, 504})  # a proxy's, if it lost the store's answer
_RETRYABLE_CODES: Final = frozenset(
    {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
)


@dataclass(frozen=True, slots=True)
class Reply:
    headers: httpx.Headers
    body: bytes

    async def read(self, parse: Callable[[bytes], T]) -> T:
        """Return what `parse` makes of the body. A long body is parsed in a thread."""
        if len(self.body) < _LONG_BYTES:
            return parse(self.body)
        return await asyncio.to_thread(parse, self.body)


@dataclass(frozen=True, slots=True)
class _Call:
    store_access: StoreAccess
    action: Signable | PostedForm
    bucket: str
    key: str
    body: bytes
    seconds: float

    @property
    def is_completion(self) -> bool:
        return isinstance(self.action, CompleteMultipartUpload)

    @property
    def is_creation(self) -> bool:
        return isinstance(self.action, CreateMultipartUpload)

    @property
    def attempt_seconds(self) -> float:
        """Leaves time for another attempt, except for completions, which may take minutes."""
        return self.seconds if self.is_completion else self.seconds / ATTEMPTS


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
        return self.status in _RETRYABLE_STATUSES or self.code in _RETRYABLE_CODES


class S3Client:
    def __init__(
        self,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        observer: S3Observer,
        transport: httpx.AsyncBaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        waiting: Waiting | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`jitter` returns a random number in [0, 1).

        `transport` replaces the network. `tls` holds the trusted certificate authorities; None
        means the usual ones. `waiting` limits how many requests wait for calls to one bucket.
        """
        self._waiting = waiting or Waiting()
        self._clock = clock
        self._jitter = jitter
        self._observed = partial(observed, clock=clock, observer=observer, spans=spans)
        self._slots = Semaphore(CALLS)
        self._completions = Semaphore(COMPLETIONS)
        self._slots_by_bucket = defaultdict[str, Semaphore](lambda: Semaphore(CALLS_PER_BUCKET))
        self._completions_by_bucket = defaultdict[str, Semaphore](
            lambda: Semaphore(COMPLETIONS_PER_BUCKET)
        )
        self._transport = transport
        self._client = self._open_client(tls)

    def _open_client(self, tls: ssl.SSLContext | None) -> SharedClient[httpx.AsyncBaseTransport]:
        client = self._transport or AiohttpTransport(
            tls or tls_context(),
            connections=CALLS,
            max_response_bytes=2 * MAX_OBJECTS_BYTES,  # with its head, and the sizes of chunks
        )
        return SharedClient(client, client.aclose)

    async def use_certificates(self, tls: ssl.SSLContext) -> None:
        """Use these certificates for calls that start from now on."""
        old, self._client = self._client, self._open_client(tls)
        await old.retire()

    async def send(
        self,
        store_access: StoreAccess,
        action: Signable | PostedForm,
        *,
        bucket: str,
        key: str = "",
        body: bytes = b"",
        seconds: float = CALL_SECONDS,
    ) -> Reply:
        """Return the store's response. Without `key` the bucket is addressed.

        `seconds` is the deadline, retries included. Raises S3Error, StorageUnavailable,
        StorageRefused or Overloaded.
        """
        call = _Call(store_access, action, bucket, key, body, seconds)
        with self._observed(bucket, type(action).__name__):
            try:
                async with self._slot(call), asyncio.timeout(seconds):
                    return await self._send_with_retries(call)
            except TimeoutError:
                detail = f"The store did not answer within {seconds:g} s."
                raise StorageUnavailable(detail) from None

    async def close(self) -> None:
        await self._client.close()

    async def _send_with_retries(self, call: _Call) -> Reply:
        for attempt in range(1, ATTEMPTS + 1):
            answer = await self._attempt(call)
            if answer is not None and not answer.is_retryable:
                if answer.is_success:
                    return answer.reply
                raise S3Error(answer.status, answer.code, attempts=attempt)
            if attempt < ATTEMPTS:
                await asyncio.sleep(self._jitter() * _BACKOFF_SECONDS * 2**attempt)
        raise StorageUnavailable("The store cannot be reached, or reports a temporary failure.")

    async def _attempt(self, call: _Call) -> _Answer | None:
        """Return None if there was no response, and the request may be repeated."""
        try:
            async with asyncio.timeout(call.attempt_seconds):
                answer = await self._answer(call)
            if not (call.is_creation and answer.status in _PROXY_STATUSES):
                return answer
        except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent
            return None
        except ResponseTooLong:
            raise StorageRefused("The store's answer is too long.") from None
        except (httpx.TransportError, TimeoutError):
            if not call.is_creation:
                return None
        raise StorageUnavailable("The store did not answer; the upload may have begun.")

    async def _answer(self, call: _Call) -> _Answer:
        request = httpx.Request(
            call.action.METHOD,
            self._url(call),
            headers={**_HEADERS, **call.action.headers(), **trace_headers()},
            content=call.body,
            extensions={"timeout": _TIMEOUT},
        )
        match call.action:
            case ListObjects() | ListObjectVersions():
                max_bytes = MAX_OBJECTS_BYTES
            case ListParts():
                max_bytes = MAX_LIST_BYTES
            case _:
                max_bytes = MAX_ANSWER_BYTES
        # Without httpx's client, which would read each URL again: half of its cost.
        async with self._client.for_a_call() as transport:
            response = await transport.handle_async_request(request)
            try:
                reply = Reply(response.headers, await read_whole(response, max_bytes))
            finally:
                await response.aclose()
        # S3 may send status 200 first, and an error at the end of the body.
        has_error = response.is_error or b"<Error" in reply.body
        code = await reply.read(error_code) if has_error else None
        return _Answer(response.status_code, code, reply)

    def _url(self, call: _Call) -> str:
        signer = call.store_access.internal_signer
        if isinstance(call.action, PostedForm):
            return signer.address.bucket_url
        now = int(call.store_access.session.now(self._clock))
        return signer.presign(call.action, call.key, now=now, expires_in=_EXPIRES_IN)

    @asynccontextmanager
    async def _slot(self, call: _Call) -> AsyncIterator[None]:
        """Raises Overloaded if no slot becomes free in time, or if too many requests wait."""
        slots = [self._slots_by_bucket[call.bucket], self._slots]
        if call.is_completion:
            slots = [self._completions_by_bucket[call.bucket], self._completions, self._slots]
        target = ("store", call.bucket)
        if not self._waiting.acquire(target):
            raise _too_many_calls()
        async with AsyncExitStack() as stack:
            stack.callback(self._waiting.release, target)
            try:
                async with asyncio.timeout(SLOT_WAIT_SECONDS):
                    for slot in slots:
                        await stack.enter_async_context(slot)
            except TimeoutError:
                raise _too_many_calls() from None
            yield


def _too_many_calls() -> Overloaded:
    return Overloaded("Too many calls to this store are in progress.", retry_after=1)
