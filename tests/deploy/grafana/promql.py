"""The series and labels in a PromQL expression, from a parser of that language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import promql_parser

# Grafana replaces these before a query; a label's value may be a variable too.
_OF_GRAFANA: Final = {"$__rate_interval": "5m"}


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector: the name of its series, and each label with the values to match."""

    name: str
    matched: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Expression:
    selectors: list[Selector]
    grouped: set[str]  # labels for grouping or joining
    shown: set[str] | None  # labels of the result; None: those of the series
    ranges: list[float]  # seconds of each range
    functions: list[str]


def read(text: str) -> Expression:
    for variable, meant in _OF_GRAFANA.items():
        text = text.replace(variable, meant)
    root = promql_parser.parse(text)
    nodes = list[Any]()
    promql_parser.walk(root, nodes.append)

    def of(kind: type) -> list[Any]:
        return [node for node in nodes if isinstance(node, kind)]

    return Expression(
        selectors=[_selector(node) for node in of(promql_parser.VectorSelector)],
        grouped={label for node in nodes for label in _labels(node)},
        shown=_shown(root),
        ranges=[node.range.total_seconds() for node in of(promql_parser.MatrixSelector)],
        functions=[node.func.name for node in of(promql_parser.Call)],
    )


def _selector(selector: Any) -> Selector:
    assert selector.name, "a series is asked for by its name"
    assert not selector.matchers.or_matchers
    return Selector(
        selector.name, {each.name: list(_values(each)) for each in selector.matchers.matchers}
    )


def _values(matcher: Any) -> Iterator[str]:
    """Return the alternatives of a regular expression, or a pattern for a plain value."""
    if matcher.op in (promql_parser.MatchOp.Equal, promql_parser.MatchOp.NotEqual):
        yield re.escape(matcher.value)
    else:
        yield from matcher.value.split("|")


def _labels(node: Any) -> Iterator[str]:
    if isinstance(node, promql_parser.AggregateExpr):
        assert node.modifier is not None, "what is summed is grouped, or nobody knows of what it is"
        assert node.modifier.type == promql_parser.AggModifierType.By
        yield from node.modifier.labels
    if isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
        yield from node.modifier.matching.labels


def _shown(node: Any) -> set[str] | None:
    """Return the labels of the result; with two operands, those of the first."""
    match node:
        case promql_parser.AggregateExpr():
            return set(_labels(node))
        case promql_parser.BinaryExpr():
            return _shown(node.lhs)
        case promql_parser.ParenExpr():
            return _shown(node.expr)
        case promql_parser.Call() if node.func.name == "histogram_quantile":
            labels = _shown(node.args[1])
            assert labels is not None
            assert "le" in labels, "a quantile is of buckets"
            return labels - {"le"}
        case promql_parser.Call() if node.func.name == "absent":
            return set()
        case _:
            return None


def seconds(duration: str) -> float:
    return promql_parser.parse_duration(duration).total_seconds()
