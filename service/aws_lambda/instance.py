"""The app in one instance of a Lambda function: it answers one event after the other. That is a
request, or some messages of a queue.

The process is frozen between two invocations, for seconds or hours, or ends there without notice.
So nothing depends on what runs in between:
- After a pause, the instance first does what is due: it counts the freeze, refreshes sessions and
  issuers' keys, and reads revoked links. Then it answers the request.
- After each request nothing is left in progress. A call that is answered during a freeze would be
  read much later: it could fail by its timeout, or date a session by the wrong time.
"""

import asyncio
import logging
import math
import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from pydantic_core import to_json
from starlette.types import Message, Scope

from service.api.problems import MEDIA_TYPE
from service.api.request_state import response_headers
from service.app.factory import PresignApp
from service.aws_lambda.clock import FreezeAwareClock
from service.aws_lambda.events import (
    HttpRequest,
    ResultKind,
    UnreadableEvent,
    is_too_large,
    read_event,
    write_result,
)
from service.aws_lambda.queue_events import QueueMessage, read_messages, result
from service.concurrency.event_loop import gather_bounded
from service.concurrency.shared_attempts import SharedAttempts
from service.protocols.arrivals.arrivals import Arrivals
from service.server.limits import ConnectionLimits

log = logging.getLogger(__name__)

# Seconds that a request, and then its answer, waits for calls to STS, an issuer or the store of
# links. They mostly take 0.1.
SETTLE_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 1.0  # between two invocations; after a shorter one nothing needs to be done
# Lambda allows ten seconds from the start of the process to its first request for an event.
START_SECONDS: Final = 3.0
_INTERRUPT_SECONDS: Final = 0.2  # for a cancelled call to end
_LEFT_FOR_LAMBDA: Final = 0.5  # of the invocation's time, to send the answer
_MESSAGES: Final = 32  # of a queue, at a time: half of what one hook may have in work
_FAILED: Final = "The service failed. Its logs say more under the request id."
_LATE: Final = "The request was not finished in the time of the function. Repeat it."
_TOO_LARGE: Final = "The answer is larger than a Lambda may send. Ask for less at once."
_HEAD_BYTES: Final = ConnectionLimits().head_bytes
_SEPARATORS: Final = len(b": \r\n")
# docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
_XRAY: Final = re.compile(
    r"Root=1-([0-9a-f]{8})-([0-9a-f]{24});Parent=([0-9a-f]{16});Sampled=([01])"
)


class Instance:
    """Call `start` once, then `invoke` for each event."""

    def __init__(
        self,
        app: PresignApp,
        clock: FreezeAwareClock,
        *,
        base_path: str = "",
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        """`clock` is that of the app. `base_path` is where a custom domain serves it."""
        self._app = app
        self._clock = clock
        self._base_path = base_path
        self._settle_seconds = settle_seconds
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._left_at = clock.boot()

    def start(self) -> None:
        """Start the app, and wait a moment for the first sessions and keys."""
        lifespan = self._app.router.lifespan_context(self._app)
        self._runner.run(self._stack.enter_async_context(lifespan))
        self._runner.run(self._settle(START_SECONDS))

    def close(self) -> None:
        """Stop the app. Lambda itself ends the process without a call."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def invoke(
        self,
        event: object,
        invocation_id: str,
        *,
        trace: str = "",
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> dict[str, Any]:
        """Return the result for an event. It never raises: Lambda would log and return the error.

        `invocation_id` is the request's id unless the client sent one. `trace` is X-Ray's header.
        """
        if (messages := read_messages(event)) is not None:
            loop = self._runner.get_loop()
            return loop.run_until_complete(self._take(messages, invocation_id, seconds_left))
        return self._answer_event(event, invocation_id, trace, seconds_left)

    def _answer_event(
        self,
        event: object,
        invocation_id: str,
        trace: str,
        seconds_left: Callable[[], float],
    ) -> dict[str, Any]:
        try:
            request = read_event(event, self._base_path)
        except UnreadableEvent as error:
            log.error("invocation %s: the event is no HTTP request: %s", invocation_id, error)  # noqa: TRY400
            return self._problem("single", "internal_error", _FAILED, invocation_id)
        if _head_bytes(request) > _HEAD_BYTES:
            detail = f"The head of a request has at most {_HEAD_BYTES} bytes."
            return self._problem(request.result, "headers_too_large", detail, invocation_id)
        try:
            scope = self._scope(request, invocation_id, trace)
            # Runner.run sets a signal handler each time: 31 µs, and 9 without (A/B).
            loop = self._runner.get_loop()
            result = loop.run_until_complete(self._answer(request, scope, seconds_left))
        except TimeoutError:
            log.warning("invocation %s ran out of time", invocation_id)
            return self._problem(request.result, "storage_unavailable", _LATE, invocation_id)
        except Exception:
            log.exception("invocation %s failed", invocation_id)
            return self._problem(request.result, "internal_error", _FAILED, invocation_id)
        if is_too_large(request.result, result):
            log.warning("invocation %s: the answer is too large", invocation_id)
            return self._problem(request.result, "internal_error", _TOO_LARGE, invocation_id)
        return result

    async def _answer(
        self, request: HttpRequest, scope: Scope, seconds_left: Callable[[], float]
    ) -> dict[str, Any]:
        """Raises TimeoutError shortly before Lambda would end the process, and all its sessions."""
        response = _Response(request.body)
        try:
            async with asyncio.timeout(seconds_left() - _LEFT_FOR_LAMBDA - _INTERRUPT_SECONDS):
                await self._catch_up()
                await self._app(scope, response.receive, response.send)
        finally:
            await self._settle(min(self._settle_seconds, seconds_left() - _LEFT_FOR_LAMBDA))
        body = b"" if request.method == "HEAD" else b"".join(response.body)
        return write_result(request.result, response.status, response.headers, body)

    async def _take(
        self,
        messages: Sequence[QueueMessage],
        invocation_id: str,
        seconds_left: Callable[[], float],
    ) -> dict[str, Any]:
        """Return which messages of a queue are not done. It never raises."""
        arrivals, done = self._app.parts.use_case(Arrivals), set[str]()

        async def take(message: QueueMessage) -> None:
            if await arrivals.take(message.body):
                done.add(message.message_id)

        try:
            async with asyncio.timeout(seconds_left() - _LEFT_FOR_LAMBDA - _INTERRUPT_SECONDS):
                await self._catch_up()
                await gather_bounded(take, messages, limit=_MESSAGES)
        except TimeoutError:
            log.warning("invocation %s ran out of time", invocation_id)
        except Exception:
            log.exception("invocation %s failed", invocation_id)
        await self._settle(min(self._settle_seconds, seconds_left() - _LEFT_FOR_LAMBDA))
        return result(messages, done)

    async def _catch_up(self) -> None:
        self._clock.thaw()
        if self._clock.boot() - self._left_at > PAUSE_SECONDS:
            attempts = self._app.services.attempts()
            for attempt in attempts:
                attempt.wake()
            await _until_asleep(attempts, self._settle_seconds)

    async def _settle(self, seconds: float) -> None:
        attempts = self._app.services.attempts()
        if not await _until_asleep(attempts, seconds):
            for attempt in attempts:
                attempt.interrupt()
            await _until_asleep(attempts, _INTERRUPT_SECONDS)
        self._left_at = self._clock.boot()

    def _scope(self, request: HttpRequest, invocation_id: str, trace: str) -> Scope:
        names = {name for name, _ in request.headers}
        headers = [header for header in request.headers if header[0] != b"content-length"]
        if request.body or b"content-length" in names:  # of the bytes that have arrived
            headers.append((b"content-length", b"%d" % len(request.body)))
        if b"x-request-id" not in names:
            headers.append((b"x-request-id", invocation_id.encode()))
        if b"traceparent" not in names and (found := _XRAY.search(trace)) is not None:
            headers.append((b"traceparent", "00-{}{}-{}-0{}".format(*found.groups()).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "https",
            "path": request.path,
            "raw_path": request.raw_path,
            "root_path": "",
            "query_string": request.query,
            "headers": headers,
            "client": None if request.client is None else (request.client, 0),
            "server": None,
        }

    def _problem(self, kind: ResultKind, code: str, detail: str, request_id: str) -> dict[str, Any]:
        """Return a problem for what never becomes a request, as the HTTP server does."""
        members = self._app.parts.problems.problem(code, detail, request_id=request_id)
        headers = [(b"content-type", MEDIA_TYPE.encode()), *response_headers(request_id)]
        return write_result(kind, members["status"], headers, to_json(members))


class _Response:
    """The two callables of ASGI, for a request whose body is complete."""

    def __init__(self, body: bytes) -> None:
        self._pending: bytes | None = body
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []

    async def receive(self) -> Message:
        if (body := self._pending) is None:
            await asyncio.Event().wait()  # the client does not disconnect
        self._pending = None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body.append(message.get("body", b""))


async def _until_asleep(attempts: Sequence[SharedAttempts], seconds: float) -> bool:
    """Wait until none is at work. Return False if that takes longer than `seconds`."""
    running = [attempt.until_asleep() for attempt in attempts if attempt.is_at_work]
    if not running:
        return True
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await asyncio.gather(*running)
    except TimeoutError:
        return False
    return True


def _head_bytes(request: HttpRequest) -> int:
    """Count the head as the HTTP server does."""
    headers = sum(len(name) + len(value) + _SEPARATORS for name, value in request.headers)
    return len(request.raw_path) + len(request.query) + headers
