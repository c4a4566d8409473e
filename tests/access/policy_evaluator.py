"""Evaluates IAM policies by IAM's rules alone.

Written from docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html,
independently of the compiler under test. It refuses unknown elements, since they could matter.
"""

import json
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

VERSION = "2012-10-17"
STATEMENT_KEYS = [{"Effect", "Action", each} for each in ("Resource", "NotResource")]
OPERATORS = {
    *("StringEquals", "StringNotEquals", "StringLike", "StringNotLike"),
    *("Null", "Bool", "NumericGreaterThan", "IpAddress"),
}
NEGATED = {"StringNotEquals", "StringNotLike"}
# What the parameter `Policy` takes: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
STS_CHARACTERS = re.compile(r"[\t\n\r\x20-\u00ff]+")

Context = Mapping[str, str]
# A condition's operator, its values, and what the request has for its key
Holds = Callable[[str, Any, str | None], bool]


class UnknownElement(Exception):
    pass


def allows(
    policy: str,
    action: str,
    resource: str,
    context: Context | None = None,
    *,
    holds: Holds | None = None,
) -> bool:
    """Return whether this session policy allows the action, if the role allows everything.

    `holds` evaluates conditions like another store instead of IAM.
    """
    effects = {
        statement["Effect"]
        for statement in statements(policy)
        if _applies(statement, action, resource, context or {}, holds or holds_at_iam)
    }
    return "Allow" in effects and "Deny" not in effects


def statements(policy: str) -> list[dict[str, Any]]:
    """Check and return the statements. The policy must be ASCII, so that its length is clear."""
    assert policy.isascii()
    assert STS_CHARACTERS.fullmatch(policy)
    document = json.loads(policy, object_pairs_hook=_without_duplicates)
    _expect(set(document) == {"Version", "Statement"}, document)
    _expect(document["Version"] == VERSION, document)
    found = document["Statement"]
    several = found if isinstance(found, list) else [found]
    for each in several:
        _check_statement(each)
    return several


def _check_statement(statement: Any) -> None:
    _expect(isinstance(statement, dict), statement)
    _expect(set(statement) - {"Condition"} in STATEMENT_KEYS, statement)
    _expect(statement["Effect"] in {"Allow", "Deny"}, statement)
    _check_values(statement["Action"])
    _check_values(statement.get("Resource") or statement["NotResource"])
    for operator, keys in statement.get("Condition", {}).items():
        _expect(operator in OPERATORS and bool(keys), operator)
        for values in keys.values():
            _check_values(values)
            _expect(operator != "Null" or values in ("true", "false"), values)


def _check_values(values: Any) -> None:
    """A `$` could start a policy variable, whose value differs between sessions."""
    several = _several(values)
    _expect(bool(several), values)
    _expect(all(isinstance(each, str) and each and "$" not in each for each in several), values)


def _applies(
    statement: dict[str, Any], action: str, resource: str, context: Context, holds: Holds
) -> bool:
    return (
        any(matches(each.lower(), action.lower()) for each in _several(statement["Action"]))
        and _concerns(statement, resource)
        and all(
            holds(operator, values, context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _concerns(statement: dict[str, Any], resource: str) -> bool:
    if "NotResource" in statement:
        return not any(matches(each, resource) for each in _several(statement["NotResource"]))
    return any(matches(each, resource) for each in _several(statement["Resource"]))


def holds_at_iam(operator: str, values: Any, actual: str | None) -> bool:
    """…/UserGuide/reference_policies_elements_condition_operators.html

    For a key that the request lacks, only `Null: true` and the negated operators hold.
    """
    if operator == "Null":
        return (actual is None) is (values == "true")
    if actual is None:
        return operator in NEGATED
    return _compares(operator, values, actual)


def holds_at_ceph_squid(operator: str, values: Any, actual: str | None) -> bool:
    """Condition::eval in src/rgw/rgw_iam_policy.cc of v19.2.6 ignores the value of `Null`."""
    if operator == "Null":
        return actual is None
    return actual is not None and _compares(operator, values, actual)


def _compares(operator: str, values: Any, actual: str) -> bool:
    match operator:
        case "StringLike" | "StringNotLike":
            found = any(matches(each, actual) for each in _several(values))
        case "Bool":
            found = actual == str(values)
        case "NumericGreaterThan":
            found = int(actual) > int(values)
        case "IpAddress":
            found = any(ip_address(actual) in ip_network(each) for each in _several(values))
        case _:
            found = actual in _several(values)
    return found is not (operator in NEGATED)


def matches(pattern: str, text: str) -> bool:
    """`*` matches any text, `?` one character; everything else matches literally."""
    reached = {0}  # how much of the text the pattern so far can have matched
    for character in pattern:
        if character == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(text) and character in {"?", text[at]}}
    return len(text) in reached


def _several(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _expect(len({name for name, _ in pairs}) == len(pairs), [name for name, _ in pairs])
    return dict(pairs)


def _expect(known: bool, what: Any) -> None:
    if not known:
        raise UnknownElement(what)
