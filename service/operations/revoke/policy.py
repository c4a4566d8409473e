"""The IAM policy that denies a caller's older sessions. Pure.

Rules of this file:
- Each session name has its own policy. A revocation never reads or writes another caller's, so a
  stale read from IAM cannot lose anybody's Deny.
- A cutoff only moves forward, and statements that are not ours stay as they are.
- A cutoff is a whole second, as `aws:TokenIssueTime` is. DateLessThan excludes an equal time.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.config.types import WITH_ZONE
from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.source import Owner, session_name, vended_name

Policy = dict[str, Any]

CLOCKS_SECONDS: Final = 5  # that a clock may be wrong; docs/metrics.md has an alert beyond


class UnreadablePolicy(ValueError):
    """The policy with our name has a form that we cannot extend without losing a part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Sessions of one owner on one role. `seconds` is the longest lifetime of such a session."""

    role_arn: str
    owner: Owner
    buckets: tuple[str, ...]
    region: str
    seconds: int
    is_at_aws: bool = True

    @property
    def policy_name(self) -> str:
        return f"presign-revoke-{session_name(self.owner)}"

    @property
    def userids(self) -> list[str]:
        """A session's `aws:userid` is its role's id, a colon, and its name. Names have no colon."""
        name = session_name(self.owner)
        return [f"*:{name}", f"*:{vended_name(name)}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """The sessions of `caller`, named as in `presign check`.

    `entry` has the lines of the configuration that precede `revoked_before`. `warnings` say who
    else is affected, and what cannot be revoked.
    """

    caller: str
    targets: tuple[Target, ...]
    entry: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def cutoff_at(now: float) -> int:
    """Return the cutoff for all sessions issued until now, even if our clock is behind STS's."""
    return math.floor(now) + 1 + CLOCKS_SECONDS


def revoked_before(cutoff: int) -> int:
    """Return the `revoked_before` that covers every session issued before `cutoff`.

    It is later: a replica knows when STS's response arrived, not when the session was issued.
    """
    return cutoff + math.ceil(ATTEMPT_SECONDS)


def statement(userids: list[str], cutoff: int) -> Policy:
    """docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html, for one owner."""
    return {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "DateLessThan": {"aws:TokenIssueTime": written(cutoff)},
            "StringLike": {"aws:userid": userids},
        },
    }


def merged(document: Mapping[str, Any] | None, userids: list[str], cutoff: int) -> Policy:
    """Return `document` with the sessions denied until `cutoff`, or until its own later cutoff."""
    latest = max(cutoff, cutoff_in(document, userids) or cutoff)
    return {
        "Version": "2012-10-17",
        **(document or {}),
        "Statement": [*_other_statements(document, userids), statement(userids, latest)],
    }


def without(document: Mapping[str, Any], userids: list[str]) -> Policy | None:
    """Return `document` without our statement; None if no other statement is left."""
    others = _other_statements(document, userids)
    return {**document, "Statement": others} if others else None


def cutoff_in(document: Mapping[str, Any] | None, userids: list[str]) -> int | None:
    """Return the cutoff of our statement in `document`; None if it has none."""
    cutoffs = [_cutoff_of(each, userids) for each in _statements(document)]
    return max((cutoff for cutoff in cutoffs if cutoff is not None), default=None)


def _other_statements(document: Mapping[str, Any] | None, userids: list[str]) -> list[Any]:
    return [each for each in _statements(document) if _cutoff_of(each, userids) is None]


def _statements(document: Mapping[str, Any] | None) -> list[Any]:
    if document is None:
        return []
    match document.get("Statement"):
        case list(statements):
            return statements
        case dict(single):
            return [single]
        case _:
            raise UnreadablePolicy("the statements of the policy with this name cannot be read")


def _cutoff_of(each: Any, userids: list[str]) -> int | None:
    """Return the cutoff of a statement that is exactly as we write it, else None."""
    try:
        text = each["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
        cutoff = int(datetime.fromisoformat(text).timestamp())
    except (KeyError, TypeError, ValueError):
        return None
    return cutoff if each == statement(userids, cutoff) else None


def written(cutoff: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cutoff))


def parse_cutoff(text: str, now: float) -> int:
    """Return an operator's time, rounded up to a second. The ValueError says what to write."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(WITH_ZONE) from None
    if moment.tzinfo is None:
        raise ValueError(WITH_ZONE)
    if moment.timestamp() > now + CLOCKS_SECONDS:
        raise ValueError("write a time in the past; sessions issued before it are denied")
    return math.ceil(moment.timestamp())
