"""What `presign check` says about mistakes: where, which value, and what to write."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from tests.config.mistakes import DIGEST, ERRORS, GOOD, KEY, WARNINGS

SECRETS = (DIGEST, KEY, "hunter2")
OF_PYTHON = ("tuple", "Input should", "NoneType", "Traceback", "pydantic")


def checked(path: Path, text: str, *options: str) -> Result:
    path.write_text(text)
    return CliRunner().invoke(main, ["check", str(path), *options])


def answers(done: Result, path: Path) -> list[str]:
    """The lines about a place in the file, which is left out."""
    lines = [line.removeprefix("warning: ") for line in done.output.splitlines()]
    places = (f"{path}:", f"{path}: ")
    found = [line for line in lines if line.startswith(places)]
    return [line.removeprefix(f"{path}:").lstrip().replace(str(path), "FILE") for line in found]


def first_place(value: Any) -> str | None:
    return value[0].partition(": ")[2].partition(": ")[0] if isinstance(value, list) else None


def test_the_good_configuration_has_no_warning(tmp_path: Path) -> None:
    done = checked(tmp_path / "presign.yaml", GOOD)
    assert (done.exit_code, "warning" in done.output) == (0, False)


@pytest.mark.parametrize(("old", "new", "expected"), ERRORS, ids=first_place)
def test_a_mistake_has_its_place_and_remedy(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    path = tmp_path / "presign.yaml"
    assert old in GOOD
    done = checked(path, GOOD.replace(old, new, 1))
    assert (done.exit_code, answers(done, path)) == (1, expected)
    assert not [each for each in (*SECRETS, *OF_PYTHON) if each in done.output]


@pytest.mark.parametrize(("old", "new", "expected"), WARNINGS, ids=first_place)
def test_a_risk_has_its_place_and_remedy(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    path = tmp_path / "presign.yaml"
    assert old in GOOD
    done = checked(path, GOOD.replace(old, new, 1))
    assert (done.exit_code, answers(done, path)) == (0, expected)
    assert checked(path, GOOD.replace(old, new, 1), "--strict").exit_code == 1
    assert not [each for each in (*SECRETS, *OF_PYTHON) if each in done.output]


def test_json_has_the_parts_of_each_answer(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    text = GOOD.replace("max_expires_in: 15m", "max_expires_in: soon").replace("region:", "zone:")
    report = json.loads(checked(path, text, "--json").stdout)
    assert [(each["file"], each["line"], each["path"]) for each in report["errors"]] == [
        (str(path), 2, "buckets.reports.region"),
        (str(path), 3, "buckets.reports.zone"),
        (str(path), 17, "callers.0.grants.0.max_expires_in"),
        (str(path), 24, "callers.1.grants.0.max_expires_in"),
    ]
    assert report["errors"][1]["message"] == "unknown setting; remove it"
    assert (report["warnings"], report["callers"]) == ([], [])


def test_an_error_in_a_teams_file_has_its_place_there(tmp_path: Path) -> None:
    path, team = tmp_path / "presign.yaml", tmp_path / "teams" / "a.yaml"
    team.parent.mkdir()
    team.write_text("callers:\n  - api_key: a\n    sha265: []\n")
    done = checked(path, f"{GOOD}callers_dir: teams\n")
    place = f"{team}:3: callers.0.sha265: unknown setting; did you mean sha256?"
    assert place in done.output


NASTY = (r"a\e[2J\nb", "x " * 100, KEY)


@pytest.mark.parametrize("key", NASTY)
@pytest.mark.parametrize(
    "text",
    [
        '"{key}": 1\n"{key}": 2\n',
        '"{key}": 1\n',
        'buckets: {{"{key}": 1, "{key}": 2}}\n',
        'buckets: {{"{key}": {{region: "${{UNSET_A}}"}}}}\n',
        'callers_dir: teams\nbuckets: {{a: {{"{key}": 1}}}}\n',
    ],
)
def test_a_key_is_shown_briefly_and_in_one_line(tmp_path: Path, key: str, text: str) -> None:
    team = tmp_path / "teams" / "a.yaml"
    team.parent.mkdir()
    team.write_text(f'"{key}": []\n')
    output = checked(tmp_path / "presign.yaml", text.format(key=key)).output
    assert not [each for each in ("\x1b", "[2J\nb", "x " * 50, KEY) if each in output]


def test_a_reference_is_shown_in_one_line(tmp_path: Path) -> None:
    text = GOOD.replace("eu-west-1", r'"${file:a\e[2J}"', 1)
    output = checked(tmp_path / "presign.yaml", text).output
    assert r"${file:a\u001b[2J} cannot be read" in output
