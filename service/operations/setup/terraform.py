"""The document of `presign iam` in Terraform's JSON, for the provider `hashicorp/aws`. Pure.

developer.hashicorp.com/terraform/language/syntax/json: a nested block is an object, a text is a
template, and `//` is a comment.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

Document = Mapping[str, Any]
Resource = tuple[str, str, Document]  # its type, label and arguments

_NOT_IN_LABEL: Final = re.compile(r"[^A-Za-z0-9]")
# Names that stay different if each hyphen becomes an underscore. Other names get a digest.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_DIGEST_CHARACTERS: Final = 8
# What begins an expression in a text:
# developer.hashicorp.com/terraform/language/expressions/strings
_TEMPLATE: Final = re.compile(r"([$%])(?=\{)")


def terraform(document: Document) -> Document:
    """Return the resources of `documents.setup` and `queue_setup`, except those of stores other
    than AWS.
    """
    notes = [*document["notes"], *_notes(document)]
    resources: dict[str, dict[str, Document]] = {}
    for kind, label, arguments in (
        *_roles(document),
        *_identities(document),
        *_buckets(document),
        *_deliveries(document),
        *_queue(document),
    ):
        resources.setdefault(kind, {})[label] = arguments
    return {**({"//": notes} if notes else {}), **({"resource": resources} if resources else {})}


def _notes(document: Document) -> Iterator[str]:
    """A provider has one account."""
    service = document["service_identity"]
    arns = [each["arn"] for each in [*document["roles"], *([service] if service else [])]]
    accounts = list(dict.fromkeys(account for arn in arns if (account := _account(arn))))
    if len(accounts) > 1:
        yield f"give each account's roles its own provider: {', '.join(accounts)}"
    if "queue" in document:
        yield from document["queue"]["notes"]
        yield "a bucket has one aws_s3_bucket_notification: put in what the bucket sends elsewhere"
        if service is None:
            yield "let the service's identity empty the queue: --principal names it"


def _roles(document: Document) -> Iterator[Resource]:
    for role in document["roles"]:
        path, _, name = role["arn"].partition(":role/")[2].rpartition("/")
        label = _label(name, role["arn"])
        yield (
            "aws_iam_role",
            label,
            {
                "name": _text(name),
                "path": _text(f"/{path}/" if path else "/"),
                "max_session_duration": role["max_session_duration"],
                "assume_role_policy": _encoded(role["trust_policy"]),
            },
        )
        for policy_name, policy in role["policies"].items():
            reference = f"${{aws_iam_role.{label}.name}}"
            arguments = {"name": policy_name, "role": reference, "policy": _encoded(policy)}
            yield "aws_iam_role_policy", f"{label}_{_label(policy_name)}", arguments


def _identities(document: Document) -> Iterator[Resource]:
    """The policies of the service's identity, and of users with static keys. These exist."""
    service = document["service_identity"]
    known = [each for each in document["users"] if "arn" in each]
    for identity in [*([] if service is None else [service]), *known]:
        for policy_name, policy in identity["policies"].items():
            yield _policy_of(identity["arn"], policy_name, policy)


def _policy_of(arn: str, policy_name: str, policy: Document) -> Resource:
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    label = f"{_label(name, arn)}_{_label(policy_name)}"
    arguments = {"name": policy_name, kind: _text(name), "policy": _encoded(policy)}
    return f"aws_iam_{kind}_policy", label, arguments


def _buckets(document: Document) -> Iterator[Resource]:
    for each in document["buckets"]:
        if "endpoint_url" in each and "policy" not in each:
            continue  # it is not at AWS
        label, bucket = _label(each["bucket"]), {"bucket": _text(each["bucket"])}
        if "policy" in each:
            yield "aws_s3_bucket_policy", label, {**bucket, "policy": _encoded(each["policy"])}
        if "cors" in each:
            rules = _arguments(each["cors"]["CORSRules"])
            yield "aws_s3_bucket_cors_configuration", label, {**bucket, "cors_rule": rules}
        if "lifecycle" in each:
            rules = _arguments(each["lifecycle"]["Rules"])
            yield "aws_s3_bucket_lifecycle_configuration", label, {**bucket, "rule": rules}


def _deliveries(document: Document) -> Iterator[Resource]:
    """The distribution itself exists: it refers to these by hand."""
    for each in document.get("cloudfront", ()):
        label = _label(each["key_group"]["Name"])
        control = _arguments(each["origin_access_control"])
        yield "aws_cloudfront_origin_access_control", label, control
        yield "aws_cloudfront_key_group", label, _arguments(each["key_group"])


def _queue(document: Document) -> Iterator[Resource]:
    """The queue of arrivals, its dead-letter queue, and what fills and empties it."""
    if (queue := document.get("queue")) is None:
        return
    name, attributes = queue["arn"].rpartition(":")[2], queue["attributes"]
    label, redrive = _label(name, queue["arn"]), attributes["RedrivePolicy"]
    dead, arn = f"{label}_dead", f"${{aws_sqs_queue.{label}.arn}}"
    both = {
        "message_retention_seconds": attributes["MessageRetentionPeriod"],
        "sqs_managed_sse_enabled": attributes["SqsManagedSseEnabled"],
    }
    refers = {**redrive, "deadLetterTargetArn": f"${{aws_sqs_queue.{dead}.arn}}"}
    dead_name = redrive["deadLetterTargetArn"].rpartition(":")[2]
    yield "aws_sqs_queue", dead, {"name": dead_name, **both}
    yield "aws_sqs_queue", label, {"name": name, **both, "redrive_policy": json.dumps(refers)}
    policy = {
        "queue_url": f"${{aws_sqs_queue.{label}.id}}",
        "policy": _encoded(queue["policy"]),
    }
    yield "aws_sqs_queue_policy", label, policy
    for each in queue["notifications"]:
        sent = {"bucket": _text(each["bucket"]), "queue": _sent(each["configuration"], arn)}
        waits = {"depends_on": [f"aws_sqs_queue_policy.{label}"]}  # S3 tries to send
        yield "aws_s3_bucket_notification", _label(each["bucket"]), {**sent, **waits}
    if (service := document["service_identity"]) is not None:
        yield _policy_of(service["arn"], "empty-the-queue", queue["service_policy"])


def _sent(configuration: Document, arn: str) -> list[Document]:
    return [
        {"id": each["Id"], "queue_arn": arn, "events": each["Events"]}
        for each in configuration["QueueConfigurations"]
    ]


def _arguments(value: Any) -> Any:
    """Return S3's JSON with the names of the provider."""
    match value:
        case str():
            return _text(value)
        case list():
            return [_arguments(each) for each in value]
        case Mapping():
            return {
                re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): _arguments(member)
                for name, member in value.items()
            }
        case _:
            return value


def _label(name: str, arn: str = "") -> str:
    """Return a label that depends on nothing but the name and the account of the ARN.

    Another resource must not change it: Terraform would replace what it already has.
    """
    label = _NOT_IN_LABEL.sub("_", name)
    if not _PLAIN.fullmatch(name):
        label += f"_{sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"
    account = _account(arn)
    label = f"{label}_{account}" if account else label
    return label if label[:1].isalpha() else f"_{label}"


def _account(arn: str) -> str:
    return arn.split(":")[4] if arn else ""


def _encoded(policy: Document) -> str:
    return _text(json.dumps(policy))


def _text(text: str) -> str:
    return _TEMPLATE.sub(r"\1\1", text)
