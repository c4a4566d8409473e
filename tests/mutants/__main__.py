"""After `mutmut run`: fails if a mutant survived that `explained.txt` does not explain.

A mutant is known there by what it changes, since its number changes with the lines around it.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import click

EXPLAINED: Final = Path(__file__).with_name("explained.txt")
SURVIVED: Final = ("survived", "no tests", "suspicious")


def mutmut(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def change(lines: list[str]) -> str:
    """What is taken away and what is put in its place, however it is indented."""
    changed = [line for line in lines if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"}]
    return "\n".join(f"{line[0]} {' '.join(line[1:].split())}" for line in changed)


def explained() -> set[str]:
    return {change(block.splitlines()) for block in EXPLAINED.read_text().split("\n\n")}


def survivors() -> list[str]:
    named = [line.strip().rsplit(": ", 1) for line in mutmut("results")]
    return [each[0] for each in named if each[-1] in SURVIVED]


def main() -> None:
    known, found = explained(), {name: change(mutmut("show", name)) for name in survivors()}
    unknown = {name: text for name, text in found.items() if text not in known}
    for name, text in unknown.items():
        click.echo(f"{name}\n{text}\n")
    click.echo(f"{len(found)} mutants survived, {len(unknown)} of them without an explanation")
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
