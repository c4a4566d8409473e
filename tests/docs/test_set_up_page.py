"""docs/set-up.md shows what the commands print."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from tests.docs.documents import Block, blocks
from tests.support.processes import run_to_end

PAGE: Final = "docs/set-up.md"
MARK: Final = "run by tests/docs/test_set_up_page.py"


def transcripts() -> list[tuple[Block, Block | None]]:
    """Return each block of commands that is run here, with the output below it."""
    pairs = pairwise([*blocks(PAGE), None])
    return [
        (block, after if after is not None and after.language == "text" else None)
        for block, after in pairs
        if block is not None and block.mark == MARK
    ]


def matches(shown: str, printed: str) -> bool:
    """`…` stands for any text in a line."""
    pattern = ".*".join(map(re.escape, shown.split("…")))
    return re.fullmatch(pattern, printed) is not None


def run(line: str) -> str:
    """Return what a line prints, here and not in a process: four of them would take 6 s of CPU."""
    words, _, target = line.partition(" > ")
    command, *arguments = shlex.split(words)
    if command == "presign":
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        printed = done.stdout
    else:
        printed = run_to_end([command, *arguments]).stdout
    if target:
        Path(target).write_text(printed, encoding="utf-8")
    return "" if target else printed


def test_the_commands_print_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(transcripts()) >= 5
    for block, shown in transcripts():
        printed = "".join(run(line) for line in block.text.splitlines())
        assert matches(shown.text if shown else "", printed), f"{block.place}: {printed}"
    run("presign check --strict")


@pytest.mark.parametrize("printed", ["a\nb c\nd", "a\nb c\n"])
def test_other_output_does_not_match(printed: str) -> None:
    assert matches("a\nb …\n", "a\nb c\n")
    assert matches("a\nb …\n", printed) is (printed == "a\nb c\n")
