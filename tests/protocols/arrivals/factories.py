"""Records as stores send them, and a hook."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from service.protocols.arrivals.hooks import Arrival, Hook
from service.protocols.arrivals.records import Happened, Record, Records, reading

KEY: Final = b"k" * 32
SECRET: Final = f"whsec_{base64.b64encode(KEY).decode()}"
OTHER_SECRET: Final = f"whsec_{base64.b64encode(b'o' * 24).decode()}"
TIME: Final = "2026-01-01T00:00:00.000Z"
TEST_EVENT: Final = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": TIME,
    "Bucket": "demo",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR",
}


def make_record(key: str = "in/a.txt", **more: Any) -> dict[str, Any]:
    """docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    in_object = {
        "key": key,
        "size": 5,
        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
        "sequencer": "0055AED6DCD90281E5",
        "versionId": "",
        **more.pop("object", {}),
    }
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": TIME,
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROAEXAMPLE:billing-0123456789ab"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": more.pop("bucket", "demo"), "arn": "arn:aws:s3:::demo"},
            "object": in_object,
        },
        **more,
    }


def body_of(*records: Mapping[str, Any]) -> str:
    return json.dumps({"Records": records})


def parse(body: str | bytes) -> Records:
    *_, found = reading(body)
    return found


def one(**more: Any) -> Record:
    """Return the one record of a message."""
    [record] = parse(body_of(make_record(**more))).records
    return record


def make_arrival(**more: Any) -> Arrival:
    return Arrival("demo", one(**more))


def make_hook(name: str = "billing", **more: Any) -> Hook:
    values = {
        "bucket": "demo",
        "prefix": "in/",
        "url": "http://127.0.0.1:9/hook",
        "keys": (KEY,),
        "events": frozenset({Happened.CREATED}),
    }
    return Hook(name=name, **values | more)
