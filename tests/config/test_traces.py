"""Which variables turn traces on, and what is wrong with others, in words."""

import ast
import sys

import pytest

from service.config.process import traces_endpoint
from service.errors import ConfigurationError
from tests.support.demo import ROOT

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
COLLECTOR = "http://collector:4318"


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, None),
        ({BASE: ""}, None),
        ({BASE: COLLECTOR}, f"{COLLECTOR}/v1/traces"),
        ({BASE: f"{COLLECTOR}/"}, f"{COLLECTOR}/v1/traces"),
        ({BASE: "https://collector/otel"}, "https://collector/otel/v1/traces"),
        ({TRACES: f"{COLLECTOR}/own/path"}, f"{COLLECTOR}/own/path"),
        ({BASE: "http://other", TRACES: COLLECTOR}, COLLECTOR),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "http://localhost:4318/v1/traces"),
        ({"OTEL_TRACES_EXPORTER": "none", BASE: COLLECTOR}, None),
        ({"OTEL_SDK_DISABLED": "TRUE", BASE: COLLECTOR}, None),
        ({"OTEL_SDK_DISABLED": "false", BASE: COLLECTOR}, f"{COLLECTOR}/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
        (
            {
                BASE: COLLECTOR,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            },
            f"{COLLECTOR}/v1/traces",
        ),
    ],
)
def test_the_variables_say_where_spans_go(
    environment: dict[str, str], endpoint: str | None
) -> None:
    assert traces_endpoint(environment) == endpoint


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER"),
        ({"OTEL_TRACES_EXPORTER": "otlp,console", BASE: COLLECTOR}, "OTEL_TRACES_EXPORTER"),
        ({BASE: COLLECTOR, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({BASE: "collector:4318"}, BASE),
        ({BASE: "user:password@collector"}, BASE),
        ({TRACES: "http://collector:password"}, TRACES),
        ({TRACES: "ftp://collector"}, TRACES),
        ({BASE: "http://"}, BASE),
    ],
)
def test_an_unusable_variable_is_named(environment: dict[str, str], variable: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        traces_endpoint(environment)
    problem = str(refused.value)
    assert problem.startswith(f"{variable}: write ")
    assert "password" not in problem


@pytest.mark.parametrize("missing", ["opentelemetry.sdk", "opentelemetry.exporter"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in [each for each in sys.modules if each.startswith(missing)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Without(missing), *sys.meta_path])
    with pytest.raises(ConfigurationError, match=r"pip install \./client '\.\[otel\]'"):
        traces_endpoint({BASE: COLLECTOR})
    assert traces_endpoint({}) is None


class _Without:
    """Finds no package of this name, as if it were not installed."""

    def __init__(self, missing: str) -> None:
        self._missing = missing

    def find_spec(self, name: str, *_: object) -> None:
        if name.startswith(self._missing):
            raise ModuleNotFoundError(name)


def test_the_sdk_is_imported_only_to_export() -> None:
    """Without the extra, the service must start."""
    imported = [
        ast.unparse(statement)
        for path in (ROOT / "service").rglob("*.py")
        if path.name != "otlp.py"
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    assert len(imported) > 500
    assert [each for each in imported if "otlp" in each or "opentelemetry.sdk" in each] == []
