"""What stores say is read in each of their shapes, and nothing else is."""

import json
from typing import Any

import pytest

from service.protocols.arrivals.records import Happened, NotRecords, Records
from tests.protocols.arrivals.factories import TEST_EVENT, TIME, body_of, make_record, one, parse

EVENT_BRIDGE = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "111122223333",
    "time": "2026-01-01T00:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:s3:::demo"],
    "detail": {
        "version": "0",
        "bucket": {"name": "demo"},
        "object": {
            "key": "in/a+b.txt",
            "size": 5,
            "etag": "e",
            "version-id": "v",
            "sequencer": "1",
        },
        "reason": "PutObject",
    },
}


def test_a_record_says_what_was_stored() -> None:
    record = one(object={"versionId": "v1"})
    assert (record.happened, record.name, record.s3_bucket) == (
        Happened.CREATED,
        "ObjectCreated:Put",
        "demo",
    )
    assert (record.key, record.size, record.version_id) == ("in/a.txt", 5, "v1")
    assert record.time == TIME
    assert record.principal == "AWS:AROAEXAMPLE:billing-0123456789ab"


def test_an_empty_version_is_left_out() -> None:
    assert one().version_id is None


@pytest.mark.parametrize(
    ("source", "sent", "key"),
    [
        ("aws:s3", "a+b%2Bc%252F.txt", "a b+c%2F.txt"),
        ("minio:s3", "in%2Fa+b%2Bc.txt", "in/a b+c.txt"),
        ("ceph:s3", "in/a+b%2Bc.txt", "in/a+b%2Bc.txt"),
    ],
)
def test_a_key_is_decoded_as_its_store_encodes_it(source: str, sent: str, key: str) -> None:
    assert one(key=sent, eventSource=source).key == key


@pytest.mark.parametrize("source", ["minio:s3", "ceph:s3"])
def test_only_records_of_aws_have_region_and_principal(source: str) -> None:
    record = one(eventSource=source)
    assert (record.region, record.principal) == (None, None)


def test_a_record_of_event_bridge_has_its_key_as_it_is() -> None:
    [record] = parse(json.dumps(EVENT_BRIDGE)).records
    assert (record.key, record.version_id, record.etag) == ("in/a+b.txt", "v", "e")
    assert (record.principal, record.region) == (None, "eu-west-1")


@pytest.mark.parametrize("inside", [{"Records": [make_record()]}, EVENT_BRIDGE])
def test_what_sns_wraps_is_read(inside: dict[str, Any]) -> None:
    wrapped = {"Type": "Notification", "TopicArn": "arn", "Message": json.dumps(inside)}
    assert len(parse(json.dumps(wrapped)).records) == 1


@pytest.mark.parametrize(
    ("name", "happened"),
    [
        ("s3:ObjectCreated:CompleteMultipartUpload", Happened.CREATED),
        ("ObjectCreated:Copy", Happened.CREATED),
        ("ObjectRemoved:DeleteMarkerCreated", Happened.REMOVED),
    ],
)
def test_events_of_created_and_removed_objects_are_told(name: str, happened: Happened) -> None:
    record = one(eventName=name)
    assert (record.happened, record.name) == (happened, name.removeprefix("s3:"))


@pytest.mark.parametrize("name", ["ObjectTagging:Put", "LifecycleExpiration:Delete", "Reduced"])
def test_all_other_events_are_passed_over(name: str) -> None:
    assert parse(body_of(make_record(eventName=name))) == Records()


def test_a_test_event_has_no_records() -> None:
    assert parse(json.dumps(TEST_EVENT)) == Records()


@pytest.mark.parametrize(
    "bad",
    [
        "text",
        make_record(key="%ff"),
        make_record(key=""),
        make_record(key="k" * 1025),
        make_record(eventTime="yesterday"),
        make_record(eventTime="2026-01-01T00:00:00"),
        make_record(eventTime=7),
        make_record(eventSource="aws:sqs"),
        make_record(s3=[]),
        make_record(s3={"bucket": {"name": 1}, "object": {"key": "a"}}),
        make_record(eventName=None),
    ],
)
def test_a_bad_record_takes_nothing_from_others(bad: Any) -> None:
    found = parse(body_of(bad, make_record()))
    assert ([each.key for each in found.records], found.unreadable) == (["in/a.txt"], 1)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "null",
        "{",
        '"\\ud800"',
        b"\xff",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"Type": "Notification", "Message": "hello"}',
        '{"Records": {}}',
        '{"Records": NaN}',
        '{"detail": {}, "source": "aws.ec2"}',
    ],
    ids=range(13),
)
def test_what_has_no_records_is_refused(body: str | bytes) -> None:
    with pytest.raises(NotRecords):
        parse(body)


def test_wrong_optional_values_are_left_out() -> None:
    record = one(object={"size": True, "eTag": 5, "sequencer": "s" * 2000, "versionId": None})
    assert (record.size, record.etag, record.sequencer, record.version_id) == (None,) * 4


def test_a_thousand_records_of_a_message_are_read() -> None:
    found = parse(body_of(*(make_record(f"in/{i}") for i in range(1000))))
    assert len(found.records) == 1000


def test_a_key_may_have_control_characters() -> None:
    assert one(key="in/%00%0A").key == "in/\x00\n"
