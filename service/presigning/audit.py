"""The lines of the audit trail: who requested what, the decision, and which session signed. Pure.

Each valid request for a signature has its line before it is answered, and so have refusals. A line
never has a signature or a token. A batch has one line for each decision, with all its keys. Log
collectors split lines over 16 KiB (the limit of containerd and Docker), so longer ones become
several lines, numbered by `part` and `parts`, with the same request id. Everything in a line but
its time, its request id and its keys is rendered once.

The refusals of a batch are bounded, so that callers without a grant cannot fill the trail. A
refusal is one line with the number of keys and the first ten. A batch has at most ten kinds of
refusals.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydantic_core import to_json

from service.access.grants import Operation
from service.clock import rfc3339
from service.concurrency.pending import Pending
from service.errors import PresignError
from service.presigning.audit_decision import Answer, Decision, DecisionValues, decision_of
from service.presigning.json_template import PLACEHOLDER, cut, text
from service.presigning.requests import AnyRequest, Requester, UnreadRequest, operation

MAX_LINE: Final = 15 * 1024  # bytes
_NUMBERS: Final = len("10001000")  # `part` and `parts`
_LONGEST_KEY: Final = 1024  # characters; a longer key was refused, and is cut
_REFUSED_KEYS: Final = 10  # in the line of a refusal
_SHORT_KEY: Final = 150  # characters of each, if ten longer ones do not fit in a line
_REFUSALS: Final = 10  # lines of refusals for one batch

WriteLines = Callable[[Iterable[bytes]], Pending]
# A request, its key, or the keys with the same answer (none if it is unread), and the answer.
Outcome = tuple[AnyRequest, str | Sequence[str], Answer]


@dataclass(frozen=True, slots=True)
class RefusedBatch:
    """A batch that was refused before its items were validated.

    `bucket` is None if they name several; `keys` are the first of `count` keys.
    """

    operation: str
    bucket: str | None
    keys: Sequence[str]
    count: int


def audit_lines(
    requester: Requester, outcomes: Sequence[Outcome], *, s3_buckets: Mapping[str, str], time: float
) -> list[bytes]:
    """Return the audit lines of one request.

    `s3_buckets` are the buckets' names at the store; `time` is in epoch seconds.
    """
    if len(outcomes) == 1 and isinstance(outcomes[0][1], str):
        return [_line(requester, outcomes[0], s3_buckets, time)]
    keys: dict[DecisionValues, list[str]] = {}
    refused: dict[DecisionValues, int] = {}  # the number of keys
    for request, key, answer in outcomes:
        decision = decision_of(request, answer, s3_buckets)
        its_keys = [key] if isinstance(key, str) else key
        if isinstance(answer, PresignError):
            if decision not in refused and len(refused) >= _REFUSALS:
                what = None if isinstance(request, UnreadRequest) else operation(request)
                decision = tuple(Decision("denied", None, what))
            refused[decision] = refused.get(decision, 0) + len(its_keys)
            its_keys = its_keys[: _REFUSED_KEYS - len(keys.get(decision, ()))]
        keys.setdefault(decision, []).extend([each[:_LONGEST_KEY] for each in its_keys])
    return _number_parts(
        [
            line
            for decision, its_keys in keys.items()
            for line in _lines(requester, decision, its_keys, time, refused.get(decision))
        ]
    )


def refused_batch_line(
    requester: Requester,
    batch: RefusedBatch,
    code: str,
    *,
    s3_buckets: Mapping[str, str],
    time: float,
) -> bytes:
    """Return the line of a batch that was refused as a whole. `code` is the code of the problem."""
    s3_bucket = None if batch.bucket is None else s3_buckets.get(batch.bucket)
    decision = tuple(Decision("denied", code, batch.operation, batch.bucket, s3_bucket))
    keys = [key[:_LONGEST_KEY] for key in batch.keys[:_REFUSED_KEYS]]
    return _number_parts(_lines(requester, decision, keys, time, batch.count))[0]


def denied_line(
    *,
    time: float,
    reason: str | None = None,
    request_id: str | None = None,
    client: str | None = None,
    route: str | None = None,
    suppressed: int | None = None,
) -> bytes:
    """Return the line of requests of nobody in particular. `suppressed` is how many have none."""
    members = {
        "request_id": request_id,
        "client": client,
        "decision": "denied",
        "reason": reason,
        "route": route,
        "suppressed": suppressed,
    }
    present = {name: value for name, value in members.items() if value is not None}
    line = {"event": "audit", "time": _milliseconds(time).decode(), **present}
    return to_json({**line, "keys": [], "part": 1, "parts": 1}) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTry:
    """One try to notify a hook of an object. `status` is None if the hook did not answer.

    `failure` says why it has not accepted the event, without an address.
    """

    hook: str
    webhook_id: str
    bucket: str
    s3_bucket: str
    key: str
    status: int | None = None
    failure: str | None = None


def hook_try_line(tried: HookTry, *, time: float, requester: Requester | None = None) -> bytes:
    """Return the line of a try. `requester` pushed the event, unless it came by a queue."""
    caller = None if requester is None else requester.identity.caller
    members = {
        "request_id": None if requester is None else requester.request_id,
        "issuer": None if caller is None else caller.issuer,
        "subject": None if caller is None else caller.subject,
        "client": None if requester is None else requester.client,
        "decision": "allowed" if tried.failure is None else "failed",
        "reason": tried.failure,
        "operation": Operation.NOTIFY,
        "bucket": tried.bucket,
        "s3_bucket": tried.s3_bucket,
        "hook": tried.hook,
        "webhook_id": tried.webhook_id,
        "status": tried.status,
    }
    present = {name: value for name, value in members.items() if value is not None}
    line = {"event": "audit", "time": _milliseconds(time).decode(), **present}
    return to_json({**line, "keys": [tried.key[:_LONGEST_KEY]], "part": 1, "parts": 1}) + b"\n"


def _line(
    requester: Requester, outcome: Outcome, s3_buckets: Mapping[str, str], time: float
) -> bytes:
    """The line of an ordinary request, with one key of any length.

    A/B in process, a GET: 29 µs with this function, 33 µs by way of `_lines`.
    """
    request, key, answer = outcome
    assert isinstance(key, str)
    caller = requester.identity.caller
    decision = decision_of(request, answer, s3_buckets)
    head, before_id, before_keys, before_part, between, end = _template(
        caller.issuer, caller.subject, requester.client, decision
    )
    return b'%b"%b"%b%b%b[%b]%b1%b1%b\n' % (
        head,
        _milliseconds(time),
        before_id,
        _ids(requester),
        before_keys,
        text(key[:_LONGEST_KEY]),
        before_part,
        between,
        end,
    )


def _number_parts(lines: Sequence[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    parts = b"%d" % len(lines)
    return [
        b"".join((begin, b"%d" % part, between, parts, end, b"\n"))
        for part, (begin, between, end) in enumerate(lines, 1)
    ]


def _lines(
    requester: Requester,
    decision: DecisionValues,
    keys: Sequence[str],
    time: float,
    refused: int | None = None,
) -> list[tuple[bytes, bytes, bytes]]:
    """Return lines as their text before `part`, between `part` and `parts`, and after `parts`.

    For a refusal, `refused` is the number of keys; `keys` are the first ones.
    """
    caller = requester.identity.caller
    count = refused if refused is not None and refused > len(keys) else None
    head, before_id, before_keys, before_part, between, end = _template(
        caller.issuer, caller.subject, requester.client, decision, count
    )
    begin = b'%b"%b"%b%b%b' % (
        head,
        _milliseconds(time),
        before_id,
        _ids(requester),
        before_keys,
    )
    room = MAX_LINE - len(begin) - len(before_part) - len(between) - len(end) - _NUMBERS
    pieces = _split_to_fit(keys, room) if refused is None else [_cut_to_fit(keys, room)]
    return [(begin + rendered + before_part, between, end) for rendered in pieces]


@lru_cache(maxsize=1024)
def _template(
    issuer: str | None,
    subject: str,
    client: str | None,
    decision: DecisionValues,
    keys_count: int | None = None,
) -> list[bytes]:
    members = {
        "event": "audit",
        "time": PLACEHOLDER,
        "request_id": PLACEHOLDER,
        "issuer": issuer,
        "subject": subject,
        "client": client,
        **dict(zip(Decision._fields, decision, strict=True)),
        "keys": PLACEHOLDER,
        "keys_count": keys_count,
        "part": PLACEHOLDER,
        "parts": PLACEHOLDER,
    }
    return cut({name: value for name, value in members.items() if value is not None})


def _ids(requester: Requester) -> bytes:
    """The request's id as JSON, with `claims_left_out` and `link_id` after it if they apply.

    A link's id is not in the template, which would be another one for each link.
    """
    ids = text(requester.request_id)
    if requester.identity.claims_left_out:
        ids += b',"claims_left_out":true'
    if requester.link_id is None:
        return ids
    return b'%b,"link_id":"%b"' % (ids, requester.link_id.encode())


def _split_to_fit(keys: Sequence[str], room: int) -> list[bytes]:
    """Split the keys into lists that are shorter than `room` bytes."""
    rendered = to_json(keys)
    if len(keys) == 1 or len(rendered) < room:
        return [rendered]
    size = max(1, len(keys) * room // (len(rendered) + room))
    parts = (keys[start : start + size] for start in range(0, len(keys), size))
    return [line for part in parts for line in _split_to_fit(part, room)]


def _cut_to_fit(keys: Sequence[str], room: int) -> bytes:
    """Render the keys as one list; each is cut if the list is longer than `room` bytes."""
    rendered = to_json(keys)
    if len(rendered) < room:
        return rendered
    return to_json([key[:_SHORT_KEY] for key in keys])


def _milliseconds(time: float) -> bytes:
    """Return epoch seconds as the time of a line."""
    return b"%b.%03dZ" % (_second(int(time)), time % 1 * 1000)


@lru_cache(maxsize=4)
def _second(time: int) -> bytes:
    return rfc3339(time)[:-1].encode()
