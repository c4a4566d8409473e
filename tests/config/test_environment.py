"""Variables of the environment: an unknown one is refused, except for those that others set."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.config.process import unknown_variables
from tests.config.mistakes import GOOD, KEY

ROOT = Path(__file__).parents[2]
# Of a Service named presign with the port 8000, and of one named presign-valkey.
OF_KUBERNETES = (
    "PRESIGN_PORT",
    "PRESIGN_SERVICE_HOST",
    "PRESIGN_SERVICE_PORT",
    "PRESIGN_SERVICE_PORT_HTTP",
    "PRESIGN_PORT_8000_TCP",
    "PRESIGN_PORT_8000_TCP_ADDR",
    "PRESIGN_PORT_8000_TCP_PORT",
    "PRESIGN_PORT_8000_TCP_PROTO",
    "PRESIGN_VALKEY_SERVICE_HOST",
    "PRESIGN_VALKEY_PORT_6379_TCP_ADDR",
)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("PRESIGN_MAX_INFLIGHT", "did you mean PRESIGN_MAX_IN_FLIGHT?"),
        ("PRESIGN_LOGLEVEL", "did you mean PRESIGN_LOG_LEVEL?"),
        ("presign_loglevel", "did you mean PRESIGN_LOG_LEVEL?"),
        ("PRESIGN_CONFIG_FILE", "did you mean PRESIGN_CONFIG?"),
        ("PRESIGN_TOKENS", "did you mean PRESIGN_TOKEN?"),
        ("PRESIGN_REGION", "the settings of `server` have one; remove it"),
        ("PRESIGN_PORTS", "unknown variable"),
        ("PRESIGN_PORT_8000_TCP_ADDRESS", "unknown variable"),
    ],
)
def test_an_unknown_variable_is_refused(name: str, answer: str) -> None:
    [problem] = unknown_variables([name, "PATH", "PRESIGN_LOG_LEVEL"])
    assert (problem.path, problem.file) == (name, None)
    assert answer in problem.message


def test_variables_of_kubernetes_and_the_client_are_accepted() -> None:
    of_the_client = ("PRESIGN_URL", "PRESIGN_TOKEN", "PRESIGN_TOKEN_FILE", "_PRESIGN_COMPLETE")
    assert unknown_variables([*OF_KUBERNETES, *of_the_client, "presign_log_level"]) == []


def test_every_variable_of_the_project_is_accepted() -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("client", "deploy", "docs", "examples", "service")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".md", ".yaml", ".js", ".mjs"}
        and "node_modules" not in path.parts
    ]
    texts += [(ROOT / name).read_text(encoding="utf-8") for name in ("Dockerfile", "README.md")]
    names = set(re.findall(r"\bPRESIGN_[A-Z_]*[A-Z]\b", "\n".join(texts)))
    names.remove("PRESIGN_MAX_INFLIGHT")  # the misspelt one of docs/check.md
    assert len(names) > 10
    assert unknown_variables(names) == []


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_misspelt_variable_is_an_error_without_its_value(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD.replace("region:", "regoin:"))
    monkeypatch.setenv("PRESIGN_RATELIMIT_URL", f"redis://:{KEY}@limits")
    done = CliRunner().invoke(main, [command, str(path)])
    assert done.exit_code == 1
    assert "invalid configuration (3 errors)" in done.output
    variable = "PRESIGN_RATELIMIT_URL: unknown variable; did you mean PRESIGN_RATE_LIMIT_URL?"
    assert variable in done.output
    assert KEY not in done.output


def test_a_variable_that_the_file_names_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD.replace("eu-west-1", "${PRESIGN_REGION}"))
    monkeypatch.setenv("PRESIGN_REGION", "eu-west-1")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert (done.exit_code, "warning" in done.output) == (0, False)


def test_a_risk_names_the_variable_that_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)
    monkeypatch.setenv("PRESIGN_CORS_ORIGINS", "https://app.example.com")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert "warning: PRESIGN_CORS_ORIGINS: a redirect from /o/" in done.output


@pytest.mark.parametrize("section", ["", "server: {drain_seconds: 1}\n"])
def test_a_wrong_value_of_a_variable_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(f"{section}{GOOD}")
    monkeypatch.setenv("PRESIGN_LOG_LEVEL", "debug")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert '\nPRESIGN_LOG_LEVEL: did you mean DEBUG? (found "debug")\n' in done.output
