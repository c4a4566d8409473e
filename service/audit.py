"""The audit trail: who asked for what, what was decided, and who signed. Pure.

A line is written for each request before it is answered, and never a signature or a token in it. A
batch is one line a decision, with all its keys, as long as that fits: log collectors cut what is
longer than 16 KiB (containerd's and Docker's limit), so what does not fit goes on in further parts
under the same request id.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from service.access.callers import Identity
from service.answers import Leave, PresignedForm, PresignedRequest
from service.asks import AnyAsk, StoreAsk, operation
from service.errors import PresignError
from service.signing.forms import rfc3339

MAX_LINE: Final = 15 * 1024  # bytes
_PARTS: Final = len(',"part":1000,"parts":1000')
_LONGEST_KEY: Final = 1024  # characters kept of a key, which may be refused for being longer

WriteLines = Callable[[Iterable[bytes]], Awaitable[None] | None]
Answer = PresignedRequest | PresignedForm | Leave | PresignError
Outcome = tuple[AnyAsk, str, Answer]


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks, and by which request; `client` is the address that it came from."""

    identity: Identity
    request_id: str
    client: str | None = None


def audit_lines(
    requester: Requester, outcomes: Iterable[Outcome], *, s3_buckets: Mapping[str, str], time: float
) -> list[bytes]:
    """The lines of one request: what was asked for, the key and what came of it.

    `s3_buckets` are the buckets' names at the store; `time` is in epoch seconds.
    """
    keys: dict[_Decision, list[str]] = {}
    for ask, key, answer in outcomes:
        decision = _decision(ask, answer, s3_buckets.get(ask.bucket))
        keys.setdefault(decision, []).append(key[:_LONGEST_KEY])
    lines = [
        line
        for decision, its_keys in keys.items()
        for line in _fitting(_members(requester, decision, time), its_keys)
    ]
    return [
        to_json({**line, "part": part, "parts": len(lines)}) + b"\n"
        for part, line in enumerate(lines, 1)
    ]


class _Decision(NamedTuple):
    """All of an outcome but its key. `reason` is a problem's code, and None of what is allowed."""

    decision: str
    reason: str | None
    operation: str
    bucket: str
    s3_bucket: str | None
    expires_in_asked: int | None
    expires_in: int | None
    session_name: str | None
    access_key_id: str | None
    action: str | None
    upload_id: str | None


def _decision(ask: AnyAsk, answer: Answer, s3_bucket: str | None) -> _Decision:
    what = operation(ask), ask.bucket, s3_bucket, ask.lifetime.expires_in
    more = (ask.action, ask.upload_id) if isinstance(ask, StoreAsk) else (None, None)
    if isinstance(answer, PresignError):
        return _Decision("denied", answer.code, *what, None, None, None, *more)
    signs_nothing = isinstance(answer, Leave) and not answer.urls
    expires_in = None if signs_nothing else answer.term.expires_in
    key_id = answer.session.credentials.access_key_id
    return _Decision("allowed", None, *what, expires_in, answer.session.name, key_id, *more)


def _members(requester: Requester, decision: _Decision, time: float) -> dict[str, Any]:
    caller = requester.identity.caller
    members = {
        "event": "audit",
        "time": _milliseconds(time),
        "request_id": requester.request_id,
        "issuer": caller.issuer,
        "subject": caller.subject,
        "client": requester.client,
        **decision._asdict(),
    }
    return {name: value for name, value in members.items() if value is not None}


def _fitting(members: dict[str, Any], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    line = {**members, "keys": keys}
    if len(keys) == 1 or len(to_json(line)) + _PARTS < MAX_LINE:
        yield line
        return
    half = len(keys) // 2
    yield from _fitting(members, keys[:half])
    yield from _fitting(members, keys[half:])


def _milliseconds(time: float) -> str:
    return f"{rfc3339(int(time))[:-1]}.{int(time % 1 * 1000):03}Z"
