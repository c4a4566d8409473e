"""What `presign iam` prints for the queue of arrivals."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main
from service.operations.setup.terraform import terraform
from service.protocols.arrivals.queue import retry_seconds, seconds_of
from tests.protocols.arrivals.factories import SECRET

ACCOUNT: Final = "111122223333"
ARN: Final = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:uploads"
URL: Final = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/uploads"


def printed(
    directory: Path,
    queue: str | None,
    *options: str,
    region: str = "eu-west-1",
    also: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    **hooks: dict[str, Any],
) -> Any:
    bucket = {
        "bucket": "acme-reports",
        "region": region,
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/presign",
    }
    own = {"endpoint_url": "https://minio.internal"}
    hook = {"bucket": "reports", "prefix": "", "url": "https://a.example/", "secret": SECRET}
    grants = [{"bucket": "reports", "prefix": "", "allow": ["upload"]}]
    path = directory / "presign.yaml"
    document = {
        "buckets": {
            "reports": bucket,
            "again": bucket,
            "elsewhere": {**bucket, **own},
            "unwatched": bucket,
            **{name: {"region": region} | each for name, each in also.items()},
        },
        "callers": [{"api_key": "a", "sha256": [digest_of("a")], "grants": grants}],
        "arrivals": {
            "hooks": {name: hook | each for name, each in hooks.items()},
            **({} if queue is None else {"queue_url": queue}),
        },
    }
    path.write_text(json.dumps(document))
    done = CliRunner().invoke(main, ["iam", str(path), *options])
    assert done.exit_code == 0, done.output
    assert SECRET not in done.output
    return json.loads(done.stdout)


def test_only_watched_buckets_may_fill_the_queue(tmp_path: Path) -> None:
    queue = printed(tmp_path, URL, a={}, b={"bucket": "elsewhere"})["queue"]
    [statement] = queue["policy"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", ARN)
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": ["arn:aws:s3:::acme-reports"]},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }


def test_each_account_fills_the_queue_from_its_own_buckets(tmp_path: Path) -> None:
    hooks: dict[str, Any] = {
        name: {"bucket": name} for name in ("reports", "foreign", "keyed", "both")
    }
    also = {
        "foreign": {"role_arn": "arn:aws:iam::444455556666:role/presign"},
        "keyed": {"credentials": "static"},
        "both": {"bucket": "keyed", "role_arn": "arn:aws:iam::444455556666:role/presign"},
    }
    queue = printed(tmp_path, URL, also=also, **hooks)["queue"]
    conditions = [each["Condition"] for each in queue["policy"]["Statement"]]
    assert conditions == [
        {
            "ArnEquals": {"aws:SourceArn": ["arn:aws:s3:::acme-reports"]},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
        {
            "ArnEquals": {"aws:SourceArn": ["arn:aws:s3:::foreign"]},
            "StringEquals": {"aws:SourceAccount": "444455556666"},
        },
        {"ArnEquals": {"aws:SourceArn": ["arn:aws:s3:::keyed"]}},  # its roles do not say
    ]
    own, foreign, keyed = queue["notes"]
    assert f"that {ACCOUNT}, the account of the role, owns acme-reports is a guess" in own
    assert "that 444455556666, the account of the role, owns foreign is a guess" in foreign
    assert keyed == "add aws:SourceAccount to the queue's policy, the account that owns keyed"


def test_the_service_may_empty_the_queue_and_nothing_else(tmp_path: Path) -> None:
    [statement] = printed(tmp_path, URL, a={})["queue"]["service_policy"]["Statement"]
    assert statement["Resource"] == ARN
    assert set(statement["Action"]) == {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
    }


@pytest.mark.parametrize(
    ("events", "names"),
    [
        (["created"], ["s3:ObjectCreated:*"]),
        (["removed", "created"], ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]),
    ],
)
def test_a_bucket_notifies_of_what_its_hooks_want(
    tmp_path: Path, events: list[str], names: list[str]
) -> None:
    [found] = printed(tmp_path, URL, a={"events": events})["queue"]["notifications"]
    [configuration] = found["configuration"]["QueueConfigurations"]
    assert (found["bucket"], configuration["QueueArn"]) == ("acme-reports", ARN)
    assert configuration["Events"] == names


def test_a_bucket_by_two_names_has_one_set_of_notifications(tmp_path: Path) -> None:
    queue = printed(tmp_path, URL, a={}, b={"bucket": "again", "events": ["removed"]})["queue"]
    [found] = queue["notifications"]
    [configuration] = found["configuration"]["QueueConfigurations"]
    assert configuration["Events"] == ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    [statement] = queue["policy"]["Statement"]
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == ["arn:aws:s3:::acme-reports"]


@pytest.mark.parametrize("queue", [None, "http://127.0.0.1:9324/1/q"])
def test_without_a_queue_at_aws_nothing_is_printed(tmp_path: Path, queue: str | None) -> None:
    assert "queue" not in printed(tmp_path, queue, a={})


def test_a_bucket_of_another_region_cannot_fill_the_queue(tmp_path: Path) -> None:
    assert "queue" not in printed(tmp_path, URL, region="eu-central-1", a={})


@pytest.mark.parametrize(
    ("host", "region", "partition"),
    [
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn"),
        ("sqs-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov"),
    ],
)
def test_the_queue_is_in_the_partition_of_its_region(
    tmp_path: Path, host: str, region: str, partition: str
) -> None:
    url = f"https://{host}/{ACCOUNT}/uploads"
    queue = printed(tmp_path, url, region=region, a={})["queue"]
    assert queue["arn"] == f"arn:{partition}:sqs:{region}:{ACCOUNT}:uploads"


PRINCIPAL: Final = f"--principal=arn:aws:iam::{ACCOUNT}:role/presign-service"


def test_what_is_given_up_is_kept_for_a_week_more(tmp_path: Path) -> None:
    """The retention counts from the event, also in the dead-letter queue."""
    attributes = printed(tmp_path, URL, a={})["queue"]["attributes"]
    redrive = attributes["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == f"{ARN}-dead"
    tries = range(1, redrive["maxReceiveCount"])
    longest = sum(retry_seconds(each, 1.0, held=0) for each in tries)
    day = 86_400
    assert attributes["MessageRetentionPeriod"] == 14 * day
    assert seconds_of(redrive["maxReceiveCount"]) > 3 * day
    assert attributes["MessageRetentionPeriod"] - longest > 7 * day


def test_terraform_makes_the_queue_and_who_fills_and_empties_it(tmp_path: Path) -> None:
    queue = printed(tmp_path, URL, PRINCIPAL, a={})["queue"]
    found = printed(tmp_path, URL, PRINCIPAL, "--terraform", a={})["resource"]
    label = f"uploads_{ACCOUNT}"
    dead, made = (found["aws_sqs_queue"][each] for each in (f"{label}_dead", label))
    assert (dead["name"], made["name"]) == ("uploads-dead", "uploads")
    assert json.loads(made["redrive_policy"]) == {
        "deadLetterTargetArn": f"${{aws_sqs_queue.{label}_dead.arn}}",
        "maxReceiveCount": queue["attributes"]["RedrivePolicy"]["maxReceiveCount"],
    }
    for each in (dead, made):
        assert each["message_retention_seconds"] == queue["attributes"]["MessageRetentionPeriod"]
    policy = found["aws_sqs_queue_policy"][label]
    assert policy["queue_url"] == f"${{aws_sqs_queue.{label}.id}}"
    assert json.loads(policy["policy"]) == queue["policy"]
    [notified] = found["aws_s3_bucket_notification"].values()
    assert (notified["bucket"], notified["depends_on"]) == (
        "acme-reports",
        [f"aws_sqs_queue_policy.{label}"],
    )
    [sent] = notified["queue"]
    assert sent == {
        "id": "presign",
        "queue_arn": f"${{aws_sqs_queue.{label}.arn}}",
        "events": ["s3:ObjectCreated:*"],
    }
    own = found["aws_iam_role_policy"][f"presign_service_{ACCOUNT}_empty_the_queue"]
    assert (own["role"], json.loads(own["policy"])) == ("presign-service", queue["service_policy"])


def test_terraform_notes_what_it_cannot_know(tmp_path: Path) -> None:
    document = printed(tmp_path, URL, a={})
    said = " ".join(terraform(document)["//"])
    assert "put in what the bucket sends elsewhere" in said
    assert all(note in said for note in document["queue"]["notes"])
    assert "empty the queue" not in said
    without = terraform({**document, "service_identity": None})["//"]
    assert "let the service's identity empty the queue: --principal names it" in without
    assert "queue" not in str(printed(tmp_path, None, "--terraform", a={})["//"])
