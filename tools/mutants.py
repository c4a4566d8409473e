"""After `mutmut run`: fails unless `explained_mutants.txt` explains the mutants that survived, and no others.

A mutant is known there by what it changes, since its number changes with the lines around it.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import click

EXPLAINED: Final = Path(__file__).with_name("explained_mutants.txt")
NOTICED: Final = ("killed", "caught by type check")


def mutmut(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def change(lines: list[str]) -> str:
    """What is taken away and what is put in its place, however it is indented."""
    changed = [line for line in lines if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"}]
    return "\n".join(f"{line[0]} {' '.join(line[1:].split())}" for line in changed)


def explained() -> set[str]:
    return {change(block.splitlines()) for block in EXPLAINED.read_text().split("\n\n")} - {""}


def unnoticed() -> dict[str, str]:
    """Return the status of each mutant that no test has failed for.

    Among them are those that were not run, since the run was interrupted, and those that ran out of
    time: the machine was busy, or pytest refused the name of one of their tests. Run these again.
    """
    named = [line.strip().rsplit(": ", 1) for line in mutmut("results")]
    return {name: status for name, status in named if status not in NOTICED}


def main() -> None:
    found, known = unnoticed(), explained()
    changes = {name: change(mutmut("show", name)) for name in found}
    unknown = {name: text for name, text in changes.items() if text not in known}
    for name, text in unknown.items():
        click.echo(f"{name}: {found[name]}\n{text}\n")
    dead = known - set(changes.values())
    for text in sorted(dead):
        click.echo(f"explained, but killed or gone:\n{text}\n")
    click.echo(f"{len(found)} mutants survived, {len(unknown)} of them without an explanation")
    sys.exit(1 if unknown or dead else 0)


if __name__ == "__main__":
    main()
