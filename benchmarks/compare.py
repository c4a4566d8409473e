"""`make bench BASE=…`: this tree beside other commits, in one run and without the kernel.

`python -m benchmarks.compare --base main` prints what requests, starts and growth cost at each. With
`--trend` the commits are those of docs/performance.md, and the command writes its table.
"""

import argparse
import subprocess
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from benchmarks import callers, growth, page, proto, sides, starts
from benchmarks.sides import ROOT, Side
from benchmarks.starts import Start

# Each the last commit before much was changed.
RELEASES: Final = ("e494bc5", "1c74c9d5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", action="append", default=[], help="a commit to compare with")
    parser.add_argument("--head", help="the commit that is compared; default: this tree")
    parser.add_argument("--rounds", type=int, default=proto.ROUNDS, help="of requests")
    parser.add_argument("--trend", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    with sides.sides(RELEASES if options.trend else options.base, head=options.head) as compared:
        found = proto.measure(compared, list(proto.ROWS), options.rounds)
        _print(proto.table(found, list(proto.ROWS), compared))
        started = starts.measure(compared)
        _print(starts.table(started))
        if options.trend:
            page.replace(ROOT / "docs" / "performance.md", "trend", list(trend(found, started)))
            return
        _print(growth.table(growth.measure(compared)))
        _print(_callers(compared))


def trend(found: proto.Found, started: dict[str, list[Start]]) -> Iterator[str]:
    """The lines of a table with a column for each commit."""
    names = list(started)
    yield f"| of hello world, without the kernel | {' | '.join(map(_dated, names))} |"
    yield f"| --- |{' --- |' * len(names)}"
    for row in proto.ROWS:
        cells = [
            "" if (row, name) in found.refusals else f"{found.of_hello(row, name):,.2f}"
            for name in names
        ]
        yield f"| {proto.ROWS[row].words} | {' | '.join(cells)} |"
    for what, field, unit in (
        ("CPU to the first URL", "cpu_s", "s"),
        ("the same of processes that it starts", "children_s", "s"),
        ("idle memory", "idle_mib", "MiB"),
    ):
        values = [median(getattr(each, field) for each in of_side) for of_side in started.values()]
        shown = [f"{each:.2f}" if unit == "s" else f"{each:.0f}" for each in values]
        yield f"| {what} | {' | '.join(f'{each} {unit}' for each in shown)} |"


def _dated(name: str) -> str:
    commit = "HEAD" if name == sides.HERE.name else name
    command = ["git", "show", "--no-patch", "--format=%h, %as", commit]
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def _callers(compared: Sequence[Side]) -> Iterator[str]:
    yield "| callers | at | check | start | reload | by team | scrape | memory |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for side in compared:
        try:
            rows = callers.measure(side)
        except (subprocess.CalledProcessError, SystemExit) as error:
            yield f"| | {side.name} | cannot be measured: {error} |"
            continue
        for row in rows:
            yield (
                f"| {row['callers']:,} | {side.name} | {row['check_s']:.1f} s | {row['start_s']:.1f} s "
                f"| {row['reload_s']:.2f} s | {row['reload_by_team_s']:.2f} s "
                f"| {row['scrape_ms']:.0f} ms | {row['memory_mib']:.0f} MiB |"
            )


def _print(lines: Iterator[str] | list[str]) -> None:
    print("\n".join([*lines, ""]), flush=True)


if __name__ == "__main__":
    main()
