"""What lets a bucket fill the queue of arrivals, and the service empty it. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from service.operations.setup.signing import SignedBucket
from service.protocols.arrivals.hooks import ArrivalSettings, Happened, Hook

Document = dict[str, Any]

_URL: Final = re.compile(
    r"https://(?:[\w-]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(\d{12})/([\w.-]+)"
)
_EVENTS: Final = {
    Happened.CREATED: "s3:ObjectCreated:*",
    Happened.REMOVED: "s3:ObjectRemoved:*",
}
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


def queue_setup(arrivals: ArrivalSettings, buckets: Sequence[SignedBucket]) -> Document | None:
    """Return the queue's attributes and policy, the service's, and the notifications of buckets.

    None without a queue at AWS, or without a bucket at AWS that fills it. A bucket has one set of
    notifications: put in what it has already.
    """
    found = None if arrivals.queue is None else _URL.fullmatch(arrivals.queue.url)
    if found is None:
        return None
    region, account, name = found.groups()
    notified = dict[str, tuple[SignedBucket, list[Hook]]]()
    for bucket in buckets:
        hooks = [each for each in arrivals.hooks.values() if each.bucket == bucket.name]
        if hooks and bucket.is_at_aws and not bucket.is_access_point and bucket.region == region:
            # The configuration may have a bucket by several names.
            notified.setdefault(bucket.s3_bucket, (bucket, []))[1].extend(hooks)
    if not notified:
        return None
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
        "policy": _document(_sending(arn, [bucket for bucket, _ in notified.values()])),
        "service_policy": _document(
            {"Effect": "Allow", "Action": _ACTIONS, "Resource": arn},
        ),
        "notifications": [
            {"bucket": bucket.s3_bucket, "configuration": _notification(arn, hooks)}
            for bucket, hooks in notified.values()
        ],
    }


def _document(statement: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": [statement]}


def _sending(arn: str, buckets: Sequence[SignedBucket]) -> Document:
    """Only these buckets may send, and only of the accounts that own them, if they are known.

    A bucket that is deleted could get another owner.
    """
    condition: Document = {"ArnEquals": {"aws:SourceArn": [each.arns.bucket for each in buckets]}}
    accounts = {each.account for each in buckets}
    if known := sorted(each for each in accounts if each is not None):
        condition["StringEquals"] = {"aws:SourceAccount": known}
    return {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": condition,
    }


def _notification(arn: str, hooks: Iterable[Hook]) -> Document:
    """No prefix is in it: S3 refuses two that overlap, and hooks may."""
    wanted = frozenset[Happened]().union(*(each.events for each in hooks))
    events = [name for happened, name in _EVENTS.items() if happened in wanted]
    return {"QueueConfigurations": [{"Id": "presign", "QueueArn": arn, "Events": events}]}


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
