"""The document of `presign iam` as Terraform's HCL, for the provider `hashicorp/aws`. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

Document = Mapping[str, Any]

_NOT_IN_LABEL: Final = re.compile(r"[^A-Za-z0-9]")
# Names that stay different if each hyphen becomes an underscore. Other names get a digest.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_DIGEST_CHARACTERS: Final = 8
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# What begins an expression in a text: developer.hashicorp.com/terraform/language/expressions/strings
_TEMPLATE: Final = re.compile(r"([$%])(?=\{)")


class Block:
    """A block without a label, in contrast to a value."""

    def __init__(self, **values: Any) -> None:
        self.values = values


class Expression(str):
    """A reference or a call, which is not quoted."""

    __slots__ = ()


def terraform(document: Document) -> str:
    """Return the resources of `documents.setup`, except those of stores other than AWS."""
    notes = [f"# {note}\n" for note in [*document["notes"], *_notes(document)]]
    parts = [*_roles(document), *_identities(document), *_buckets(document)]
    return "\n".join([*(["".join(notes)] if notes else []), *parts])


def _notes(document: Document) -> Iterator[str]:
    """A provider has one account."""
    service = document["service_identity"]
    arns = [each["arn"] for each in [*document["roles"], *([service] if service else [])]]
    accounts = list(dict.fromkeys(account for arn in arns if (account := _account(arn))))
    if len(accounts) > 1:
        yield f"give each account's roles its own provider: {', '.join(accounts)}"


def _roles(document: Document) -> Iterator[str]:
    for role in document["roles"]:
        path, _, name = role["arn"].partition(":role/")[2].rpartition("/")
        label = _label(name, role["arn"])
        yield _resource(
            "aws_iam_role",
            label,
            name=name,
            path=f"/{path}/" if path else "/",
            max_session_duration=role["max_session_duration"],
            assume_role_policy=_encoded(role["trust_policy"]),
        )
        for policy_name, policy in role["policies"].items():
            yield _resource(
                "aws_iam_role_policy",
                f"{label}_{_label(policy_name)}",
                name=policy_name,
                role=Expression(f"aws_iam_role.{label}.name"),
                policy=_encoded(policy),
            )


def _identities(document: Document) -> Iterator[str]:
    """The policies of the service's identity, and of users with static keys. These exist."""
    service = document["service_identity"]
    known = [each for each in document["users"] if "arn" in each]
    for identity in [*([] if service is None else [service]), *known]:
        kind, _, path = identity["arn"].rpartition(":")[2].partition("/")
        name = path.rpartition("/")[2]
        for policy_name, policy in identity["policies"].items():
            yield _resource(
                f"aws_iam_{kind}_policy",
                f"{_label(name, identity['arn'])}_{_label(policy_name)}",
                **{"name": policy_name, kind: name, "policy": _encoded(policy)},
            )


def _buckets(document: Document) -> Iterator[str]:
    for each in document["buckets"]:
        if "endpoint_url" in each and "policy" not in each:
            continue  # it is not at AWS
        label, bucket = _label(each["bucket"]), each["bucket"]
        if "policy" in each:
            policy = _encoded(each["policy"])
            yield _resource("aws_s3_bucket_policy", label, bucket=bucket, policy=policy)
        if "cors" in each:
            rules = [Block(**_snake(rule)) for rule in each["cors"]["CORSRules"]]
            kind = "aws_s3_bucket_cors_configuration"
            yield _resource(kind, label, bucket=bucket, cors_rule=rules)
        if "lifecycle" in each:
            rules = [Block(**_snake(rule)) for rule in each["lifecycle"]["Rules"]]
            kind = "aws_s3_bucket_lifecycle_configuration"
            yield _resource(kind, label, bucket=bucket, rule=rules)


def _snake(rule: Document) -> dict[str, Any]:
    """Name the members of S3's JSON as the provider names them; its objects are blocks."""
    return {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): (
            Block(**_snake(value)) if isinstance(value, Mapping) else value
        )
        for name, value in rule.items()
    }


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


def _encoded(policy: Document) -> Expression:
    return Expression(f"jsonencode({_value(policy, '  ')})")


def _resource(kind: str, label: str, **values: Any) -> str:
    return f'resource "{kind}" "{label}" {{\n{_body(values, "  ")}}}\n'


def _body(values: Document, indent: str) -> str:
    return "".join(line for name, value in values.items() for line in _lines(name, value, indent))


def _lines(name: str, value: Any, indent: str) -> Iterator[str]:
    """Yield an argument, or a block; several blocks are a list of them."""
    blocks = value if isinstance(value, list) else [value]
    if blocks and all(isinstance(each, Block) for each in blocks):
        for block in blocks:
            yield f"{indent}{name} {{\n{_body(block.values, f'{indent}  ')}{indent}}}\n"
    else:
        yield f"{indent}{name} = {_value(value, indent)}\n"


def _value(value: Any, indent: str) -> str:
    inner = f"{indent}  "
    match value:
        case Expression():
            return str(value)
        case str():
            return _text(value)
        case Mapping():
            members = (f"{inner}{_key(k)} = {_value(v, inner)}\n" for k, v in value.items())
            return f"{{\n{''.join(members)}{indent}}}"
        case Sequence() if any(isinstance(each, Mapping) for each in value):
            items = (f"{inner}{_value(each, inner)},\n" for each in value)
            return f"[\n{''.join(items)}{indent}]"
        case Sequence():
            return f"[{', '.join(_value(each, inner) for each in value)}]"
        case _:
            return json.dumps(value)


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    return _TEMPLATE.sub(r"\1\1", json.dumps(text))
