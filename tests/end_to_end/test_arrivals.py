"""An upload is stored, the store puts its event into a queue, and a replica notifies the hook.

moto is store, STS and SQS.
"""

import base64
import hmac
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.protocols.arrivals.factories import KEY, SECRET
from tests.support.http_servers import Handler, serving
from tests.support.processes import free_ports
from tests.support.service import run_service_process

REGION: Final = "eu-west-1"
KEYS: Final = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
ENVIRONMENT: Final = {name.upper(): value for name, value in KEYS.items()} | {"AWS_REGION": REGION}
UPLOADS: Final = 40


@dataclass
class Hook:
    """Refuses the first try of each event, and remembers what it has accepted."""

    accepted: dict[str, set[str]] = field(default_factory=dict)  # ids by key
    tried: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def take(self, headers: Any, body: bytes) -> int:
        event_id = headers["webhook-id"]
        signed = b"%b.%b.%b" % (event_id.encode(), headers["webhook-timestamp"].encode(), body)
        expected = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
        with self.lock:
            if headers["webhook-signature"] != f"v1,{expected}":
                return 401
            if event_id not in self.tried:
                self.tried.add(event_id)
                return 500
            key = json.loads(body)["data"]["key"]
            self.accepted.setdefault(key, set()).add(event_id)
            return 204


@pytest.fixture(name="aws", scope="module")
def _aws() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def bucket_with_queue(stack: ExitStack, url: str, name: str) -> tuple[Any, str]:
    """Return a client of S3, and the URL of the queue with the bucket's events."""
    where = {"region_name": REGION, "endpoint_url": url, **KEYS}
    s3, sqs = boto3.client("s3", **where), boto3.client("sqs", **where)
    stack.callback(s3.close)
    stack.callback(sqs.close)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    queue: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn["QueueArn"], "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    return s3, queue


def settings_of(aws: str, bucket: str, queue: str, hook: str) -> dict[str, Any]:
    store = {"endpoint_url": aws, "sts_endpoint_url": aws, "region": REGION, "bucket": bucket}
    role = "arn:aws:iam::123456789012:role/presign"
    section = {"bucket": "objects", "prefix": "in/", "url": f"{hook}/secret", "secret": SECRET}
    return {
        "server": {"drain_seconds": 0},
        "buckets": {"objects": {**store, "role_arn": role}},
        "arrivals": {"queue_url": queue, "hooks": {"billing": section}},
    }


@pytest.mark.slow
def test_each_upload_is_notified_though_a_hook_and_a_replica_fail(aws: str, tmp_path: Path) -> None:
    hook = Hook()

    class Receiver(Handler):
        def do_POST(self) -> None:  # noqa: N802 - its name there
            body = self.rfile.read(int(self.headers["content-length"]))
            self.answer(hook.take(self.headers, body))

    with ExitStack() as stack:
        hook_url = stack.enter_context(serving(Receiver))
        s3, queue = bucket_with_queue(stack, aws, "uploads")
        settings = settings_of(aws, "uploads", queue, hook_url)
        replicas = []
        for name, port in zip("ab", free_ports(2), strict=True):
            (directory := tmp_path / name).mkdir()
            running = run_service_process(settings, directory, port, **ENVIRONMENT)
            replicas.append(stack.enter_context(running))
        names = {f"in/{i} +ä.txt" for i in range(UPLOADS)}
        for i, key in enumerate(sorted(names)):
            s3.put_object(Bucket="uploads", Key=key, Body=b"hello")
            if i == UPLOADS // 2:
                os.kill(replicas[0].pid, signal.SIGTERM)
        assert replicas[0].wait(10) == 0  # in the middle of a long poll
        deadline = time.monotonic() + 120
        while hook.accepted.keys() != names:
            assert time.monotonic() < deadline, names - hook.accepted.keys()
            time.sleep(0.1)
    assert {len(ids) for ids in hook.accepted.values()} == {1}
    log = "".join((tmp_path / name / "output.log").read_text() for name in "ab")
    assert "/secret" not in log
    assert SECRET not in log
