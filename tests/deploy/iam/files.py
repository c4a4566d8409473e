"""The files of `deploy/iam`, evaluated by the rules in AWS's documentation.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html, and
for keys that a request has not, or has several values of,
…/reference_policies_condition-single-vs-multi-valued-context-keys.html. Unknown elements are
refused, since an ignored element could be the one that matters.
"""

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.access.policy_evaluator import matches

ROOT: Final = Path(__file__).parents[3]
HERE: Final = ROOT / "deploy" / "iam"
ACCOUNT: Final = "111122223333"
BUCKET: Final = "arn:aws:s3:::acme-reports-prod"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/presign-reports"
SERVICE: Final = f"arn:aws:iam::{ACCOUNT}:role/presign-service"

Json = dict[str, Any]
Value = str | tuple[str, ...]


def read(name: str) -> Json:
    found: Json = json.loads((HERE / name).read_text(encoding="utf-8"))
    return found


def several(values: Any) -> list[str]:
    return list(values) if isinstance(values, list | tuple) else [values]


@dataclass(frozen=True, kw_only=True)
class Request:
    """`by` is the principal, `keys` the condition keys that are present."""

    action: str
    resource: str = ""
    by: str | None = None
    keys: Mapping[str, Value] = field(default_factory=dict)

    def having(self, **keys: Value | None) -> "Request":
        """Return the request with changed keys, named like `aws_SourceIp`; None removes one."""
        changed = {name.replace("_", ":", 1): value for name, value in keys.items()}
        both = {**self.keys, **changed}
        return replace(self, keys={k: v for k, v in both.items() if v is not None})


def decision(policy: Json, request: Request) -> str | None:
    """Return `Allow`, `Deny`, or None if no statement applies."""
    assert set(policy) == {"Version", "Statement"}
    assert policy["Version"] == "2012-10-17"
    effects = {each["Effect"] for each in policy["Statement"] if _applies(each, request)}
    return "Deny" if "Deny" in effects else next(iter(effects), None)


def allows(policy: Json, request: Request) -> bool:
    return decision(policy, request) == "Allow"


def _applies(statement: Json, request: Request) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert statement["Effect"] in {"Allow", "Deny"}
    return (
        any(matches(each.lower(), request.action.lower()) for each in several(statement["Action"]))
        and _names(statement.get("Principal"), request.by)
        and any(matches(each, request.resource) for each in several(statement.get("Resource", "*")))
        and all(
            _holds(operator, several(values), request.keys.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(principal: Any, by: str | None) -> bool:
    if principal in (None, "*"):
        return True
    [(kind, named)] = principal.items()
    assert kind in {"AWS", "Federated"}
    return by in several(named)


def _holds(operator: str, wanted: list[str], actual: Value | None) -> bool:
    if operator.startswith("ForAllValues:"):
        holds = _OPERATORS[operator.removeprefix("ForAllValues:")]
        return all(holds(each, wanted) for each in several(actual or ()))
    plain = operator.removesuffix("IfExists")
    if actual is None:
        return plain != operator or plain in _NEGATED
    assert isinstance(actual, str), "a key of several values needs ForAllValues or ForAnyValue"
    return _OPERATORS[plain](actual, wanted)


def _like(actual: str, wanted: list[str]) -> bool:
    return any(matches(each, actual) for each in wanted)


def _within(actual: str, wanted: list[str]) -> bool:
    return any(ipaddress.ip_address(actual) in ipaddress.ip_network(each) for each in wanted)


_NEGATED: Final = {"StringNotEquals", "NotIpAddress"}
_OPERATORS: Final[Mapping[str, Callable[[str, list[str]], bool]]] = {
    "StringEquals": lambda actual, wanted: actual in wanted,
    "StringNotEquals": lambda actual, wanted: actual not in wanted,
    "StringLike": _like,
    "ArnLike": _like,
    "Bool": lambda actual, wanted: actual in wanted,
    "NumericGreaterThan": lambda actual, wanted: any(float(actual) > float(w) for w in wanted),
    "NotIpAddress": lambda actual, wanted: not _within(actual, wanted),
}
