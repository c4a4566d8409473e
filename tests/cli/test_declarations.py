"""Each command of the service: its help, its JSON, and what it imports."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from presign_client.commands.main import OWN
from service.auth.api_keys import digest_of
from service.cli.main import main
from tests.cli.invoking import GOOD

HEAVY: Final = "{'aioboto3', 'asyncio', 'fastapi', 'httpx', 'pydantic', 'uvicorn'}"


@pytest.mark.parametrize("command", sorted(main.commands))
def test_each_help_has_an_example(command: str) -> None:
    for option in ("-h", "--help"):
        done = CliRunner().invoke(main, [command, option])
        assert done.exit_code == 0
        assert f"presign {command}" in done.output.partition("Example")[2]
        assert "\b" not in done.output


@pytest.mark.parametrize("words", [["-h"], ["serve", "-h"], ["revoke", "-h"], ["diagnose", "-h"]])
def test_help_imports_nothing_of_the_service(words: list[str]) -> None:
    """That is what makes it quick. The client's command lists the service's with their summaries."""
    script = f"""
import sys
from presign_client.commands.main import main
main({words}, standalone_mode=False)
assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.defpath, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    if words == ["-h"]:
        listed = done.stdout.partition("Commands:")[2].partition("Examples:")[0]
        assert [line.split()[0] for line in listed.strip().splitlines()] == [
            *OWN,
            *sorted(main.commands),
        ]
        assert "..." not in listed  # no summary is cut


def test_the_configuration_is_named_by_position(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)

    done = CliRunner().invoke(main, ["check", str(path)])
    twice = CliRunner().invoke(main, ["check", str(path), "--config", str(path)])

    assert (done.exit_code, twice.exit_code) == (0, 2)
    assert "API key billing may download" in done.stdout
    assert "name one configuration file" in twice.stderr


def test_a_check_is_one_json_document(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)

    done = CliRunner().invoke(main, ["check", str(path), "--json"])

    report = json.loads(done.stdout)
    assert (done.exit_code, report["errors"], report["not_checked"]) == (0, [], [])
    whole = {"file": str(path), "line": 9, "path": "callers.0.grants.1"}
    assert whole | {"message": "covers the whole bucket reports"} in report["warnings"]
    [caller] = report["callers"]
    assert (caller["subject"], caller["grants"][0]["max_expires_in"]) == ("billing", 900)
    assert caller["may"][0].startswith("download, upload invoices/… in reports")


def test_a_strict_check_fails_for_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)
    without = tmp_path / "without.yaml"
    limited = GOOD.replace("max_expires_in: 900}", "max_expires_in: 900, max_content_length: 5MiB}")
    more = "    rate_limit: 600/minute\n    not_after: 2999-01-01T00:00:00Z\n"
    without.write_text(limited[: limited.index('      - {bucket: reports, prefix: ""')] + more)

    strict, other = (
        CliRunner().invoke(main, ["check", str(each), "--strict"]) for each in (path, without)
    )

    assert (strict.exit_code, other.exit_code) == (1, 0)
    assert "warning:" in strict.stdout
    assert "warning:" not in other.stdout


def test_an_invalid_configuration_is_json_too(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD.replace("region:", "regoin:"))

    done = CliRunner().invoke(main, ["check", str(path), "--json"])

    assert (done.exit_code, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    messages = {each["path"]: each["message"] for each in report["errors"]}
    assert messages["buckets.reports.regoin"] == "unknown setting; did you mean region?"
    assert report["warnings"] == report["callers"] == []


def test_a_new_key_is_json_on_request() -> None:
    made = json.loads(CliRunner().invoke(main, ["new-key", "--json"]).stdout)

    assert made["sha256"] == digest_of(made["key"])


@pytest.mark.parametrize(("setting", "is_colored"), [("", True), ("1", False)])
def test_no_color_turns_colours_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, is_colored: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", setting)
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)

    done = CliRunner().invoke(main, ["check", str(path)], color=True)

    assert ("\x1b[33mwarning:" in done.stdout) is is_colored
