"""What denies a caller's older sessions: the statement, where it goes, and how it is told. Pure.

Rules of this file:
- A policy has one session name, and is found by it: to revoke one caller reads and writes nothing of
  another's, so nobody's Deny is lost to a read that IAM answers late.
- A moment only moves forward, and a statement that is not ours stays as it is.
- A whole second: `aws:TokenIssueTime` has no fraction, and DateLessThan spares what is equal.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.config.types import WITH_ZONE
from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.sts import Owner, session_name

Policy = dict[str, Any]

# Of which a clock may be wrong: docs/operations.md alerts beyond
CLOCKS_SECONDS: Final = 5
DELAY: Final = "AWS takes minutes until it holds everywhere."
TIME: Final = "\0"  # where the time comes: no subject has it
_SIZE: Final = (
    "10,240"  # …/IAM/latest/UserGuide/reference_iam-quotas.html, of all inline policies of a role
)


class UnreadablePolicy(ValueError):
    """What stands under our name is no policy that we could add to without losing some of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Sessions of one name on a role. `session` is a pattern of StringLike; `seconds` they live at most."""

    role_arn: str
    owner: Owner
    session: str
    buckets: tuple[str, ...]
    region: str
    seconds: int
    is_at_aws: bool = True

    @property
    def policy_name(self) -> str:
        return f"presign-revoke-{session_name(self.owner)}"

    @property
    def userid(self) -> str:
        """A session's `aws:userid` is its role's id, a colon, and its name, which has none."""
        return f"*:{self.session}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """`caller` is as `presign check` names it, and `lines` go into the configuration, with TIME in them.

    `warnings` tell whom else it hits, and what it does not reach.
    """

    caller: str
    targets: tuple[Target, ...]
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def cutoff_at(now: float) -> int:
    """Until when sessions count as issued before now, by a clock that may be behind STS's."""
    return math.floor(now) + 1 + CLOCKS_SECONDS


def revoked_before(moment: int) -> int:
    """What no session of before `moment` passes: the pool knows when an answer came, not its issue."""
    return moment + math.ceil(ATTEMPT_SECONDS)


def statement(userid: str, moment: int) -> Policy:
    """docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html, of one name."""
    return {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "DateLessThan": {"aws:TokenIssueTime": written(moment)},
            "StringLike": {"aws:userid": userid},
        },
    }


def merged(document: Mapping[str, Any] | None, userid: str, moment: int) -> Policy:
    """`document` with the sessions denied until `moment`, or until a later one that it has already."""
    standing = cutoff_in(document, userid)
    latest = moment if standing is None else max(moment, standing)
    kept = _others(document, userid)
    return {
        "Version": "2012-10-17",
        **(document or {}),
        "Statement": [*kept, statement(userid, latest)],
    }


def without(document: Mapping[str, Any], userid: str) -> Policy | None:
    """`document` less our statement; None if nothing is left of it."""
    kept = _others(document, userid)
    return {**document, "Statement": kept} if kept else None


def cutoff_in(document: Mapping[str, Any] | None, userid: str) -> int | None:
    """Until when `document` denies the sessions, by a statement of ours."""
    moments = [_moment_of(each, userid) for each in _statements(document)]
    return max((moment for moment in moments if moment is not None), default=None)


def _others(document: Mapping[str, Any] | None, userid: str) -> list[Any]:
    return [each for each in _statements(document) if _moment_of(each, userid) is None]


def _statements(document: Mapping[str, Any] | None) -> list[Any]:
    if document is None:
        return []
    match document.get("Statement"):
        case list(statements):
            return statements
        case dict(single):
            return [single]
        case _:
            raise UnreadablePolicy("the policy of this name has no statements that can be read")


def _moment_of(each: Any, userid: str) -> int | None:
    """None of what we would not have written, to the letter."""
    try:
        text = each["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
        moment = int(datetime.fromisoformat(text).timestamp())
    except (KeyError, TypeError, ValueError):
        return None
    return moment if each == statement(userid, moment) else None


# What an operator reads


def written(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def parse_cutoff(text: str, now: float) -> int:
    """A time as an operator writes it, up to the next whole second. Raises ValueError in words."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(WITH_ZONE) from None
    if moment.tzinfo is None:
        raise ValueError(WITH_ZONE)
    if moment.timestamp() > now + CLOCKS_SECONDS:
        raise ValueError("write a time in the past; sessions issued before it are denied")
    return math.ceil(moment.timestamp())


def denial(revocation: Revocation, moment: int) -> Iterator[str]:
    """What to put on the roles by hand."""
    if not revocation.targets:
        return
    yield (
        f"This denies the sessions of {revocation.caller} that were issued before {written(moment)}, and "
        f"so ends their URLs. Put it on the role, or run this again with --at {written(moment)} --apply. "
        f"{DELAY}"
    )
    for target in revocation.targets:
        yield from shown(target, merged(None, target.userid, moment))


def configuration(revocation: Revocation, moment: int) -> Iterator[str]:
    """What to write into it, by which replicas let go of what is denied."""
    if not revocation.lines:
        return
    yield (
        "This goes into the configuration. Every replica drops its older sessions once it has reloaded; "
        "until then it signs URLs that are dead."
    )
    yield from (line.replace(TIME, written(revoked_before(moment))) for line in revocation.lines)


def shown(target: Target, document: Policy) -> Iterator[str]:
    yield f"{place(target)}, inline policy {target.policy_name}:"
    yield json.dumps(document, indent=2)


def place(target: Target) -> str:
    many = "" if len(target.buckets) == 1 else "s"
    return f"role {target.role_arn} (bucket{many} {', '.join(target.buckets)})"


def too_large(target: Target) -> str:
    role = target.role_arn.rpartition("/")[2]
    return (
        f"the inline policies of a role may have {_SIZE} characters in all, and it has no room; nothing "
        f"that it has was changed. `aws iam list-role-policies --role-name {role}` has those of other "
        f"revocations, each called presign-revoke-…; lift one that is over {target.seconds} s old, since "
        "no session of before lives, or move what the role is allowed into a managed policy"
    )


def early_lift_warning(target: Target, moment: int, now: float) -> str | None:
    """What comes of lifting too early."""
    ends = moment + target.seconds
    if now >= ends:
        return None
    return (
        f"{place(target)}: sessions of before {written(moment)} live until {written(ends)} at most; "
        "their URLs will work again"
    )
