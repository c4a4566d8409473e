"""docs/check.md: its commands print what the page shows."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from tests.auth.mint import make_token
from tests.auth.provider_tokens import KEYCLOAK
from tests.docs.documents import Block, blocks

PAGE: Final = "docs/check.md"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A command, the configuration above it, and the output that is shown below it, if any."""

    configuration: str
    command: str
    shown: Block | None

    def run(self, directory: Path, patch: pytest.MonkeyPatch) -> Result:
        patch.chdir(directory)
        Path("presign.yaml").write_text(self.configuration)
        Path("token.txt").write_text(make_token(**{**KEYCLOAK, "sub": "ann", "aud": "presign"}))
        program, *arguments = shlex.split(self.command)
        assert program == "presign"
        return CliRunner().invoke(main, arguments)


def begins(answer: Any, shown: Any) -> bool:
    """Return whether an answer has what is shown: of each list, the first items."""
    if isinstance(shown, dict):
        return all(begins(answer[name], each) for name, each in shown.items())
    if isinstance(shown, list):
        return all(begins(*pair) for pair in zip(answer, shown, strict=False)) and (
            len(answer) >= len(shown)
        )
    return bool(answer == shown)


def examples() -> list[Example]:
    found = blocks(PAGE)
    following: list[Block | None] = [*found[1:], None]
    configuration, result = "", list[Example]()
    for block, below in zip(found, following, strict=True):
        if block.text.startswith("# presign.yaml"):  # with mistakes, it is no YAML of other tests
            configuration = block.text
        elif block.language == "sh":
            shown = below if below is not None and below.language in {"text", "json"} else None
            result.append(Example(configuration=configuration, command=block.text, shown=shown))
    return result


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.command.strip())
def test_a_command_prints_what_the_page_shows(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = example.run(tmp_path, monkeypatch)
    if example.shown is None:
        return
    if example.shown.language == "json":
        report = json.loads(done.stdout)
        shown = json.loads(example.shown.text)
        assert shown.keys() == {"errors", "warnings", "callers"}
        assert begins(report, shown)
    else:  # long lines are wrapped on the page
        assert example.shown.text.split() == done.output.split()


def test_the_exit_codes_are_those_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [each.run(tmp_path, monkeypatch).exit_code for each in examples()]
    assert codes == [1, 0, 0, 1, 0]
