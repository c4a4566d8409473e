"""What lets a bucket fill the queue of arrivals, and the service empty it. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from service.operations.setup.signing import SignedBucket
from service.protocols.arrivals.hooks import ArrivalsValues, Hook
from service.protocols.arrivals.records import Happened

Document = dict[str, Any]

_URL: Final = re.compile(
    r"https://(?:[\w-]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(\d{12})/([\w.-]+)"
)
_RETENTION_SECONDS: Final = 1_209_600  # 14 days, SQS's longest
# Tries, which take 4 days. The retention counts from the event, also after the move to the
# dead-letter queue: what is there must be left time.
_MAX_RECEIVES: Final = 25
_ACTIONS: Final = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
]


def queue_setup(arrivals: ArrivalsValues, buckets: Sequence[SignedBucket]) -> Document | None:
    """Return the queue's attributes and policy, the service's, the notifications of buckets, and
    notes about what is a guess.

    None without a queue at AWS, or without a bucket at AWS that fills it. A bucket has one set of
    notifications: put in what it has already.
    """
    found = None if arrivals.queue is None else _URL.fullmatch(arrivals.queue.url)
    if found is None:
        return None
    region, account, name = found.groups()
    notified = _notified(arrivals, buckets, region)
    if not notified:
        return None
    owned = _by_account(notified.values())
    arn = f"arn:{_partition(region)}:sqs:{region}:{account}:{name}"
    return {
        "arn": arn,
        "attributes": {
            "MessageRetentionPeriod": _RETENTION_SECONDS,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": {
                "deadLetterTargetArn": f"{arn}-dead",
                "maxReceiveCount": _MAX_RECEIVES,
            },
        },
        "policy": _document(_sending(arn, account, its) for account, its in owned.items()),
        "service_policy": _document(
            [{"Effect": "Allow", "Action": _ACTIONS, "Resource": arn}],
        ),
        "notifications": [
            {"bucket": each.first.s3_bucket, "configuration": _notification(arn, each.hooks)}
            for each in notified.values()
        ],
        "notes": [_note(account, its) for account, its in owned.items()],
    }


@dataclass
class _Notified:
    """A bucket that sends its events. The configuration may have it by several names."""

    names: list[SignedBucket] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)

    @property
    def first(self) -> SignedBucket:
        return self.names[0]

    @property
    def account(self) -> str | None:
        """The account that its roles are of, if it is one."""
        accounts = {name.account for name in self.names}
        return accounts.pop() if len(accounts) == 1 else None


def _notified(
    arrivals: ArrivalsValues, buckets: Sequence[SignedBucket], region: str
) -> dict[str, _Notified]:
    """Return the buckets of the region that hooks are for, by their names at AWS."""
    found = dict[str, _Notified]()
    for bucket in buckets:
        hooks = [hook for hook in arrivals.hooks.values() if hook.bucket == bucket.name]
        if hooks and bucket.is_at_aws and not bucket.is_access_point and bucket.region == region:
            same = found.setdefault(bucket.s3_bucket, _Notified())
            same.names.append(bucket)
            same.hooks.extend(hooks)
    return found


def _by_account(notified: Iterable[_Notified]) -> dict[str | None, list[SignedBucket]]:
    found = dict[str | None, list[SignedBucket]]()
    for notification in notified:
        found.setdefault(notification.account, []).append(notification.first)
    return found


def _note(account: str | None, buckets: Sequence[SignedBucket]) -> str:
    names = ", ".join(bucket.s3_bucket for bucket in buckets)
    if account is None:
        return f"add aws:SourceAccount to the queue's policy, the account that owns {names}"
    return (
        f"that {account}, the account of the role, owns {names} is a guess; if another does, "
        "change aws:SourceAccount in the queue's policy, or no event arrives"
    )


def _document(statements: Iterable[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def _sending(arn: str, account: str | None, buckets: Sequence[SignedBucket]) -> Document:
    """Only these buckets may send, and only of the account that owns them, if it is known.

    A bucket that is deleted could get another owner.
    """
    condition: Document = {"ArnEquals": {"aws:SourceArn": [each.arns.bucket for each in buckets]}}
    if account is not None:
        condition["StringEquals"] = {"aws:SourceAccount": account}
    return {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": condition,
    }


def _notification(arn: str, hooks: Iterable[Hook]) -> Document:
    """No prefix is in it: S3 refuses two that overlap, and hooks may."""
    wanted = frozenset[Happened]().union(*(hook.events for hook in hooks))
    events = [_event(happened) for happened in Happened if happened in wanted]
    return {"QueueConfigurations": [{"Id": "presign", "QueueArn": arn, "Events": events}]}


def _event(happened: Happened) -> str:
    match happened:
        case Happened.CREATED:
            return "s3:ObjectCreated:*"
        case Happened.REMOVED:
            return "s3:ObjectRemoved:*"
        case _:
            assert_never(happened)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
