"""How fast files get to a store and back: presign's clients, boto3's transfer, the AWS CLI and others.

`make bench-transfer` moves the same random bytes with each, to and from MiniStack and SeaweedFS, all
on loopback and on the cores that this machine has: large files and folders of small ones, up and
down, by plain HTTP and by TLS, which nginx ends. `--line 50` is a line with a delay of 50 ms. What
is timed is a whole process, from its start to its end: what a user waits for. Its CPU time is the
user's and the system's, without the service's and the store's. presign-client and
`examples/upload.mjs` ask the service for URLs, send SHA-256s, and compare the object at the end; the
others send what their defaults are with their own credentials.

Each round has another order, and each size in it a store of its own, since a store keeps what is
deleted for a while. Its first upload is not counted: it is slower than all others, whoever sends it.
A ratio is taken within a round, and is the median of all rounds: other processes slow both sides of it.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.lines import PLAIN, TLS, line
from benchmarks.senders import Sender, Senders
from tests.support import stores
from tests.support.service import run_service

MIB: Final = 1024**2
SMALL_BYTES: Final = (4096, 16384)
LIMIT_SECONDS: Final = 900
STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[stores.Store]]]] = {
    "MiniStack": stores.ministack,
    "SeaweedFS": stores.seaweedfs,
}


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds of one process, and whether the others are compared with it."""

    wall: float
    cpu: float
    is_reference: bool


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """So many MiB up or down, or so many files of some bytes."""

    store: str
    line: str
    words: str
    amount: int
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A round by its number, at one store over one line, and how the names of its senders begin."""

    number: int
    only: tuple[str, ...]
    store: str
    line: str

    def order(self, senders: Iterable[Sender]) -> list[Sender]:
        asked = [each for each in senders if each.name.startswith(self.only)]
        first = self.number % len(asked)
        return asked[first:] + asked[:first]


Times = dict[Task, dict[str, list[Time]]]  # by task and sender, in the rounds' order


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, action="append", help="default: 300 and 1024")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--store", action="append", choices=STORES, help="default: both")
    parser.add_argument(
        "--line", action="append", help="plain, TLS, or milliseconds; default: plain and TLS"
    )
    parser.add_argument("--only", default="", help="how senders' names begin: presign,boto3,aws")
    options = parser.parse_args()
    only = tuple(options.only.split(","))
    times: Times = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        large = {mib: _large(directory, mib) for mib in options.mib or (300, 1024)}
        folders = {size: _folder(directory, options.files, size) for size in SMALL_BYTES}
        places = list(product(options.store or STORES, options.line or (PLAIN, TLS)))
        for number, place in product(range(options.rounds), places):
            turn = Turn(number, only, *place)
            for mib, file in large.items():
                _move_large(mib, file, turn, times)
            if options.files:
                _move_folders(folders, options.files, turn, times)
    print("\n".join(_report(times)))


def _large(directory: Path, mib: int) -> Path:
    path = directory / f"large-{mib}"
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
    return path


def _folder(directory: Path, count: int, size: int) -> Path:
    folder = directory / f"files-{size}"
    for number in range(count):
        path = folder / f"{number % 20:02}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return folder


def _move_large(mib: int, file: Path, turn: Turn, times: Times) -> None:
    with _senders(turn) as senders:
        up, copy = list(senders.up(file)), senders.state / "copy"
        _time(up[-1], senders.store)
        _time(senders.plain(file), senders.store)
        for words, each in (("up", up), ("down", senders.down(copy))):
            task = Task(turn.store, turn.line, f"{mib} MiB {words}", mib)
            for sender in turn.order(each):
                times[task][sender.name].append(_time(sender, senders.store))
                copy.unlink(missing_ok=True)


def _move_folders(folders: Mapping[int, Path], count: int, turn: Turn, times: Times) -> None:
    with _senders(turn) as senders:
        for size, folder in folders.items():
            copy, files = senders.state / "copies", f"{count:,} files of {size // 1024} KiB"
            _time(next(senders.folder(folder)), senders.store)  # what all download
            up = Task(turn.store, turn.line, f"{files} up", count, is_folder=True)
            down = Task(turn.store, turn.line, f"{files} down", count, is_folder=True)
            again = folder.with_name(f"{folder.name}-{turn.number}")
            folder.rename(again)  # presign skips what is stored
            for sender in turn.order(senders.folder(again)):
                times[up][sender.name].append(_time(sender, senders.store))
            again.rename(folder)
            for sender in turn.order(senders.folder_down(folder.name, copy)):
                times[down][sender.name].append(_time(sender, senders.store))
                # ext4 makes files more slowly for some seconds after others were removed.
                copy.rename(senders.state / f"copies of {size} by {sender.name.replace('/', ' ')}")


@contextmanager
def _senders(turn: Turn) -> Iterator[Senders]:
    with (
        tempfile.TemporaryDirectory() as of_store,
        tempfile.TemporaryDirectory() as of_line,
        tempfile.TemporaryDirectory() as of_service,
        STORES[turn.store](Path(of_store)) as store,
        line(turn.line, store.endpoint_url, Path(of_line)) as to,
        run_service(store, Path(of_service), public_endpoint_url=to.url) as service,
    ):
        yield Senders(store, to, str(service.client.base_url), Path(of_service))


def _time(sender: Sender, store: stores.Store) -> Time:
    environment = {"PATH": os.defpath, **sender.environment}
    began, cpu = time.perf_counter(), _cpu_of_children()
    ended = subprocess.run(
        sender.command,
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=LIMIT_SECONDS,
    )
    taken = Time(time.perf_counter() - began, _cpu_of_children() - cpu, sender.is_reference)
    if ended.returncode:
        raise SystemExit(f"{sender.name}: {ended.stderr.decode(errors='replace')[-500:]}")
    if sender.made:
        with closing(stores.client("s3", store.endpoint_url)) as client:
            client.delete_object(Bucket=store.bucket, Key=sender.made)
    return taken


def _cpu_of_children() -> float:
    """Of those that have ended: the servers still run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _report(times: Times) -> Iterator[str]:
    """Yield the lines of a table. A ratio is over the fastest of boto3 and the AWS CLI in its round."""
    yield "| store | line | task | sender | rate | CPU | ratio to the best of boto3 and the AWS CLI |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for task, by_sender in times.items():
        references = [taken for taken in by_sender.values() if taken[0].is_reference]
        best = [min(each.wall for each in of_round) for of_round in zip(*references, strict=True)]
        for sender, taken in by_sender.items():
            wall, cpu = median(each.wall for each in taken), median(each.cpu for each in taken)
            ratios = [least / each.wall for least, each in zip(best, taken, strict=True)]
            shown = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            rate, spent = _rates(task, wall, cpu)
            where = f"{task.store} | {task.line} | {task.words}"
            yield f"| {where} | {sender} | {rate} | {spent} | {shown} |"


def _rates(task: Task, wall: float, cpu: float) -> tuple[str, str]:
    if task.is_folder:
        return f"{task.amount / wall:,.0f} files/s", f"{cpu / task.amount * 1000:.1f} ms a file"
    return f"{task.amount / wall:,.0f} MiB/s", f"{cpu / task.amount * 1024:.1f} s a GiB"


if __name__ == "__main__":
    main()
