"""A queue of SQS that a store fills with a bucket's events, set up as `presign iam` prints it.

MiniStack enforces these policies, moto does not.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from click.testing import CliRunner

from service.cli.main import main
from tests.protocols.arrivals.factories import SECRET, body_of, make_record
from tests.support.stores import REGION, USER, Store, client

BATCH: Final = 10


@dataclass(frozen=True)
class FilledQueue:
    url: str
    _sqs: Any = field(repr=False)

    def put(self, *bodies: str) -> None:
        for start in range(0, len(bodies), BATCH):
            some = bodies[start : start + BATCH]
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(some)]
            answer = self._sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed"), answer

    def left(self) -> int:
        """Return how many messages there are, with those that are invisible."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)


@contextmanager
def queue_filled_by(store: Store, name: str) -> Iterator[FilledQueue]:
    """Yield a new queue with the events of the store's bucket. Its user may empty it."""
    account = store.role_arn.split(":")[4]
    setup = printed(store, f"https://sqs.{REGION}.amazonaws.com/{account}/{name}")
    [notified] = setup["notifications"]
    with closing(client("sqs", store.endpoint_url)) as sqs:
        url = sqs.create_queue(QueueName=name, Attributes=_attributes(setup))["QueueUrl"]
        with closing(client("iam", store.endpoint_url)) as iam:
            policy = json.dumps(_with_batches(setup["service_policy"]))
            iam.put_user_policy(UserName=USER, PolicyName=f"empty-{name}", PolicyDocument=policy)
        store.admin_client().put_bucket_notification_configuration(
            Bucket=store.bucket, NotificationConfiguration=notified["configuration"]
        )
        yield FilledQueue(url, sqs)
        store.admin_client().put_bucket_notification_configuration(
            Bucket=store.bucket, NotificationConfiguration={}
        )
        sqs.delete_queue(QueueUrl=url)


def printed(store: Store, queue_url: str) -> Any:
    """Return what `presign iam` prints for the queue, if the store's bucket were at AWS."""
    bucket = {"bucket": store.bucket, "region": store.region, "role_arn": store.role_arn}
    hook = {"bucket": "objects", "prefix": "", "url": "https://hook.example/", "secret": SECRET}
    settings = {
        "buckets": {"objects": bucket},
        "arrivals": {"queue_url": queue_url, "hooks": {"tests": hook}},
    }
    with TemporaryDirectory() as directory:
        path = Path(directory, "presign.yaml")
        path.write_text(json.dumps(settings))
        done = CliRunner().invoke(main, ["iam", str(path)])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["queue"]


def _with_batches(policy: Mapping[str, Any]) -> dict[str, Any]:
    """MiniStack has actions for batches. At AWS the permission for one is that for a batch:
    docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide
    """
    [statement] = policy["Statement"]
    batches = ["sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"]
    return {**policy, "Statement": [{**statement, "Action": [*statement["Action"], *batches]}]}


def _attributes(setup: Mapping[str, Any]) -> dict[str, str]:
    """Without the dead-letter queue, which the tests have no use for."""
    retention = str(setup["attributes"]["MessageRetentionPeriod"])
    return {"Policy": json.dumps(setup["policy"]), "MessageRetentionPeriod": retention}


def arrivals_of(queue: FilledQueue, url: str, *names: str) -> dict[str, Any]:
    """Return the section with a hook for each name, which is its prefix and its path."""
    return {
        "queue_url": queue.url,
        "hooks": {
            name: {
                "bucket": "objects",
                "prefix": f"{name}/",
                "url": f"{url}/{name}?token=of-{name}",
                "secret": SECRET,
            }
            for name in names
        },
    }


def events(keys: Sequence[str], bucket: str) -> list[str]:
    """Return a message of the queue for each key."""
    return [body_of(make_record(key=key, bucket=bucket)) for key in keys]
