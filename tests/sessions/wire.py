"""STS as it answers over the wire, read as the SDK reads it: with botocore's own parser and model.

In virtual time there are no sockets, so what a socket would do is raised in place of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from typing import Any, Final

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from tests.support.factories import SECRET, TOKEN
from tests.support.virtual_time import FakeClock, server_time

ENDPOINT: Final = "https://sts.eu-west-1.amazonaws.com"
SESSION: Final = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>{key_id}</AccessKeyId>
<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>
<Expiration>{ends}</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
ERROR: Final = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>no</Message></Error>"
    "</ErrorResponse>"
)


@cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("sts", "service-2"), "sts")


class WireSts:
    """A client like aioboto3's. `fault` is a name in FAULTS or None, and may change at any time.

    Its clock is right, even if the machine's is wrong. Sessions have the requested length.
    """

    def __init__(self, clock: FakeClock, *, delay: float = 0.1) -> None:
        self.fault: str | None = None
        self.delay = delay
        self.called_at: list[float] = []
        self.policies: dict[str, str | None] = {}  # of each session's name
        self.ends: dict[str, float] = {}  # of each session, by its key's id
        self.in_flight = self.most_in_flight = 0
        self.clock = clock

    async def assume_role(self, **request: Any) -> Any:
        self.called_at.append(self.clock.boot())
        self.policies[request["RoleSessionName"]] = request.get("Policy")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.delay)
            answer = FAULTS[self.fault] if self.fault is not None else _good
            return await answer(self, request["DurationSeconds"])
        finally:
            self.in_flight -= 1

    def answer(self, status: int, body: str, date: str | None = None) -> Any:
        now = datetime.fromtimestamp(server_time(self.clock), UTC)
        headers = {"date": date if date is not None else format_datetime(now, usegmt=True)}
        sent = {"status_code": status, "headers": headers, "body": body.encode()}
        shape = _model().operation_model("AssumeRole").output_shape
        parsed = create_parser("query").parse(sent, shape)
        if status >= 300:
            raise ClientError(parsed, "AssumeRole")
        return parsed

    def good(self, seconds: float) -> str:
        """Return the text of a session that ends in `seconds`."""
        ends = int(server_time(self.clock) + seconds)
        key_id = f"ASIAWIRE{len(self.ends):012}"
        self.ends[key_id] = ends
        until = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return SESSION.format(key_id=key_id, secret=SECRET, token=TOKEN, ends=until)


Answer = Callable[[WireSts, int], Awaitable[Any]]


async def _good(sts: WireSts, seconds: int) -> Any:
    return sts.answer(200, sts.good(seconds))


def _answers(status: int, text: Callable[[WireSts, int], str], date: str | None = None) -> Answer:
    async def answer(sts: WireSts, seconds: int) -> Any:
        return sts.answer(status, text(sts, seconds), date)

    return answer


def _raises(error: BaseException) -> Answer:
    async def answer(sts: WireSts, seconds: int) -> Any:
        raise error

    return answer


async def _hang(sts: WireSts, seconds: int) -> Any:
    await asyncio.Event().wait()


async def _late(sts: WireSts, seconds: int) -> Any:
    await asyncio.sleep(30)
    return await _good(sts, seconds)


def _error(code: str) -> Callable[[WireSts, int], str]:
    return lambda _sts, _seconds: ERROR.format(code)


FAULTS: Final[dict[str, Callable[[WireSts, int], Any]]] = {
    "503": _answers(503, _error("ServiceUnavailable")),
    "503 without a body": _answers(503, lambda _sts, _seconds: ""),
    "throttled": _answers(400, _error("Throttling")),
    "access denied": _answers(403, _error("AccessDenied")),
    "HTML": _answers(200, lambda _sts, _seconds: "<!doctype html><p>Sign in<br>"),
    "HTML with 502": _answers(502, lambda _sts, _seconds: "<!doctype html><p>Bad gateway<br>"),
    "empty": _answers(200, lambda _sts, _seconds: ""),
    "without credentials": _answers(
        200, lambda _sts, _seconds: "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"
    ),
    "a bad end": _answers(200, lambda sts, s: sts.good(s).replace("Z</Exp", "Q</Exp")),
    "expired": _answers(200, lambda sts, _seconds: sts.good(-60)),
    "about to expire": _answers(200, lambda sts, _seconds: sts.good(5)),
    "shorter than what is left": _answers(200, lambda sts, _seconds: sts.good(120)),
    "a Date of a year ago": _answers(
        200, lambda sts, s: sts.good(s), "Wed, 01 Jan 2025 00:00:00 GMT"
    ),
    "hangs": _hang,
    "late": _late,
    "connection reset": _raises(ConnectionClosedError(endpoint_url=ENDPOINT)),
    "no route": _raises(EndpointConnectionError(endpoint_url=ENDPOINT, error="no route")),
    "a bug of the SDK's": _raises(KeyError("AssumeRoleResult")),
    "cancels itself": _raises(asyncio.CancelledError()),
}
