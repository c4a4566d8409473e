"""What a request costs in Python alone: bytes into the server's protocol class, and no kernel.

`python -m benchmarks.proto` measures this tree, and with `--base main` that commit beside it:

    python -m benchmarks.proto --base main~3 --rows get,form --rounds 31

In each round every row is asked of every side, in turn, and of FastAPI's hello world on plain uvicorn.
A ratio is that of two neighbours in one round, and its median is steady to some 3 % on a machine that
is busy. A row that a commit refuses is told with the refusal.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Final

from benchmarks import asking, issuing, sides
from benchmarks.sides import Refused, Side, Worker
from benchmarks.targets import API_KEY, FEATURES, LINK_KEY, MAKER, bucket_of
from service.protocols.links.tickets import LinkKeys

BUCKET: Final = bucket_of(352)
HELLO: Final = "hello"
ROUNDS: Final = 31
PROCESSES: Final = 3  # of each side, one after another: two of the same code differ by some 5 %
CONNECTIONS: Final = 16  # as many as worker.py has
_MANY: Final = 160  # requests a round
_LFS_OBJECTS: Final = 100
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """`requests` makes those of a round, of a token for callers with a JWT."""

    words: str
    requests: Callable[[str], list[bytes]]
    at_once: int = CONNECTIONS
    feature: str = ""  # what a service must know


def _asked(what: Callable[[int, str, str], list[bytes]]) -> Callable[[str], list[bytes]]:
    return lambda _: what(_MANY, BUCKET, API_KEY)


def _links(_: str) -> list[bytes]:
    return asking.links(_MANY, BUCKET, LinkKeys([LINK_KEY]), MAKER, uses=20)


ROWS: Final = {
    "get": Row("a download", _asked(asking.downloads)),
    "jwt": Row("a download with a JWT", lambda token: asking.downloads(_MANY, BUCKET, token)),
    "upload": Row("an upload, every header", _asked(asking.uploads)),
    "form": Row("a form", _asked(asking.forms)),
    "part": Row("a part", _asked(asking.parts), feature="multipart"),
    "object": Row("an object URL", _asked(asking.objects)),
    "link": Row("a link, used again", _links, feature="link"),
    "mcp": Row("a tool's download", _asked(asking.tool_calls), feature="mcp"),
    "sign": Row("a remote signature", _asked(asking.reads), feature="sign"),
    "lfs": Row(
        f"Git LFS, {_LFS_OBJECTS} objects",
        lambda _: asking.lfs_batches(1, _LFS_OBJECTS, API_KEY),
        at_once=1,
        feature="lfs",
    ),
    "batch": Row(
        f"a batch of {_BATCH:,}",
        lambda _: asking.batches(2, _BATCH, BUCKET, API_KEY),
        at_once=1,
    ),
}


@dataclass
class Found:
    """CPU µs of each round, by row and side, and why a side has no such row."""

    us: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    refusals: dict[tuple[str, str], str] = field(default_factory=dict)

    def ratios(self, row: str, over: str, under: str) -> list[float]:
        pairs = zip(self.us[row, over], self.us[row, under], strict=True)
        return [one / other for one, other in pairs]

    def of_hello(self, row: str, side: str) -> float:
        return median(self.ratios(row, side, HELLO))


@dataclass(frozen=True, slots=True)
class Issuer:
    """Of tokens, with one that it made."""

    url: str
    token: str


def measure(compared: Sequence[Side], names: Sequence[str], rounds: int) -> Found:
    server = issuing.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    issuer = Issuer(url, issuing.make_token(url))
    found, processes = Found(), min(PROCESSES, rounds)
    for _ in range(processes):
        with ExitStack() as stack:
            workers = _workers(compared, names, stack, issuer, found)
            for turn in range(ceil(rounds / processes) + 1):  # the first warms up
                for name in names:
                    for side, us in _round(name, workers, issuer.token, turn, found.refusals):
                        if turn:
                            found.us[name, side].append(us)
    return found


def _workers(
    compared: Sequence[Side], names: Sequence[str], stack: ExitStack, issuer: Issuer, found: Found
) -> dict[str, Worker]:
    """Start all, and put into `found` what they refuse."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    workers = {HELLO: stack.enter_context(sides.app("hello", directory / "hello"))}
    for number, side in enumerate(compared):
        opened = sides.fullest(side, directory / str(number), issuer.url)
        try:
            workers[side.name], lacking = stack.enter_context(opened)
        except Refused as refused:
            lacking = dict.fromkeys(("", *FEATURES), str(refused))
        refusals = _refusals(names, lacking, workers.get(side.name), issuer.token)
        found.refusals |= {(name, side.name): why for name, why in refusals}
    return workers


def _refusals(
    names: Sequence[str], lacking: Mapping[str, str], worker: Worker | None, token: str
) -> Iterator[tuple[str, str]]:
    """Yield the rows that a service cannot answer, and why, once it could answer the others."""
    for name in names:
        if worker is None or ROWS[name].feature in lacking:
            yield name, lacking[ROWS[name].feature]
            continue
        try:
            worker.settle(ROWS[name].requests(token)[0])
        except Refused as refused:
            yield name, str(refused)


def _round(
    name: str,
    workers: Mapping[str, Worker],
    token: str,
    turn: int,
    refusals: Mapping[tuple[str, str], str],
) -> Iterator[tuple[str, float]]:
    row = ROWS[name]
    requests = row.requests(token)
    asked = [side for side in workers if (name, side) not in refusals]
    Random(turn).shuffle(asked)  # the first has colder caches
    for side in asked:
        if side == HELLO:
            hellos = asking.downloads(_MANY, BUCKET, API_KEY)
            yield side, workers[side].ask(hellos, CONNECTIONS).us
        else:
            yield side, workers[side].ask(requests, row.at_once).us


def table(found: Found, names: Sequence[str], compared: Sequence[Side]) -> Iterator[str]:
    """The last side is the one that the others are compared with."""
    *bases, last = compared
    columns = [f"{each.name} | of hello" for each in compared]
    columns += [f"{last.name} / {each.name}" for each in bases]
    yield f"| proto, CPU µs | {' | '.join(columns)} |"
    yield f"| --- |{' --- |' * (2 * len(compared) + len(bases))}"
    for name in names:
        cells = [_cost(found, name, each.name) for each in compared]
        cells += [_ratio(found, name, last.name, each.name) for each in bases]
        yield f"| {ROWS[name].words} | {' | '.join(cells)} |"
    hello = median(us for (_, side), all_us in found.us.items() if side == HELLO for us in all_us)
    yield f"| hello world | {hello:.0f} | 1.00 |"
    yield ""
    for (name, side), why in found.refusals.items():
        yield f"{ROWS[name].words} cannot be measured at {side}: {why}"


def _cost(found: Found, row: str, side: str) -> str:
    if (row, side) in found.refusals:
        return "- | -"
    return f"{median(found.us[row, side]):,.0f} | {found.of_hello(row, side):.2f}"


def _ratio(found: Found, row: str, over: str, under: str) -> str:
    """The median of the rounds' ratios, and the half of them that is in the middle."""
    if {(row, over), (row, under)} & found.refusals.keys():
        return "-"
    low, middle, high = quantiles(found.ratios(row, over, under), n=4, method="inclusive")
    return f"**{middle:.3f}** ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", action="append", default=[], help="a commit to compare with")
    parser.add_argument("--head", help="the commit that is compared; default: this tree")
    parser.add_argument("--rows", default=",".join(ROWS), help="some of the default")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    names = options.rows.split(",")
    with sides.sides(options.base, head=options.head) as compared:
        found = measure(compared, names, options.rounds)
        print("\n".join(table(found, names, compared)))


if __name__ == "__main__":
    main()
