"""How fast a file gets to a store and back: presign's clients next to boto3's transfer.

`make bench-transfer` moves the same random bytes with each, to and from MiniStack and SeaweedFS, all
on loopback and on the cores that this machine has. What is timed is a whole process, from its start
to its end: what a user waits for. presign-client and the clients of `examples/` ask the service for
URLs, send SHA-256s, and compare the object at the end; boto3 sends CRC32s with its own credentials,
and compares nothing after an upload.

Each round has another order and a store of its own, since a store keeps what is deleted for a while.
Its first upload is not counted: it is slower than all others, whoever sends it.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.end_to_end.examples import command
from tests.support import stores
from tests.support.service import API_KEY, run_service

MIB: Final = 1024**2
PARALLEL: Final = 4
PART_MIB: Final = 8  # what the service chooses for 300 MiB, and boto3's default
LIMIT_SECONDS: Final = 300
STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[stores.Store]]]] = {
    "MiniStack": stores.ministack,
    "SeaweedFS": stores.seaweedfs,
}
BOTO3: Final = """
import sys
import boto3
from boto3.s3.transfer import TransferConfig
endpoint, region, bucket, file, key, part_mib, parallel = sys.argv[1:]
settings = {}
if int(parallel):
    part = int(part_mib) * 2**20
    settings = {"multipart_chunksize": part, "max_concurrency": int(parallel)}
client = boto3.client("s3", endpoint_url=endpoint, region_name=region)
client.upload_file(file, bucket, key, Config=TransferConfig(**settings))
"""
BOTO3_DOWN: Final = BOTO3.replace(
    "upload_file(file, bucket, key", "download_file(bucket, key, file"
)


@dataclass(frozen=True)
class Sender:
    """Whose process it is, and what it is told beside the file and a key."""

    name: str
    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Time:
    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    times: dict[tuple[str, str], list[Time]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        file = _random_file(Path(directory) / "file", options.mib)
        for number in range(options.rounds):
            for name in STORES:
                for sender, taken in _round(name, file, number):
                    times[name, sender].append(taken)
    _report(times, options.mib)


def _random_file(path: Path, mib: int) -> Path:
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
    return path


def _round(name: str, file: Path, number: int) -> Iterator[tuple[str, Time]]:
    with _senders(name, file) as (senders, receivers):
        _time(senders[-1])
        for group in (senders, receivers):
            first = number % len(group)
            for sender in group[first:] + group[:first]:
                yield sender.name, _time(sender)


@contextmanager
def _senders(name: str, file: Path) -> Iterator[tuple[list[Sender], list[Sender]]]:
    """Yield who uploads, and who downloads what was uploaded."""
    with (
        tempfile.TemporaryDirectory() as of_store,
        tempfile.TemporaryDirectory() as of_service,
        STORES[name](Path(of_store)) as store,
        run_service(store, Path(of_service)) as service,
    ):
        url, copy = str(service.client.base_url), Path(of_service) / "copy"
        client = {"PRESIGN_URL": url, "PRESIGN_TOKEN": API_KEY, "XDG_STATE_HOME": of_service}
        put = [sys.executable, "-m", "presign_client", "put", str(file), "objects/client"]
        get = [sys.executable, "-m", "presign_client", "get", "objects/client", str(copy)]
        parts = f"{PARALLEL} parts of {PART_MIB} MiB"
        yield (
            [
                Sender("presign put", put, client),
                _example("examples/upload.py", "python", url, file),
                _example("examples/upload.mjs", "javascript", url, file),
                _boto3("boto3, its defaults", BOTO3, store, file, parallel=0),
                _boto3(f"boto3, {parts}", BOTO3, store, file, parallel=PARALLEL),
            ],
            [
                Sender("presign get", get, client),
                _boto3(f"boto3 down, {parts}", BOTO3_DOWN, store, copy, parallel=PARALLEL),
            ],
        )


def _example(name: str, language: str, url: str, file: Path) -> Sender:
    options = ["--service", url, "--bucket", "objects", "--parallel", str(PARALLEL)]
    environment = {"PRESIGN_TOKEN": API_KEY}
    return Sender(name, [*command(language), *options, str(file), language], environment)


def _boto3(name: str, code: str, store: stores.Store, file: Path, *, parallel: int) -> Sender:
    where = [store.endpoint_url, store.region, store.bucket, str(file), f"boto3-{parallel}"]
    keys = {
        "AWS_ACCESS_KEY_ID": stores.ROOT_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": stores.ROOT_SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    script = [sys.executable, "-c", code, *where, str(PART_MIB), str(parallel)]
    return Sender(name, script, keys)


def _time(sender: Sender) -> Time:
    environment = {"PATH": os.defpath, **sender.environment}
    began, cpu = time.perf_counter(), _cpu_of_children()
    subprocess.run(
        sender.command,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIMIT_SECONDS,
    )
    return Time(time.perf_counter() - began, _cpu_of_children() - cpu)


def _cpu_of_children() -> float:
    """Of those that have ended: the servers still run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _report(times: Mapping[tuple[str, str], list[Time]], mib: int) -> None:
    print(f"{'store':10} {'sender':30} {'wall s':>7} {'MiB/s':>6} {'CPU s':>6}  all rounds' wall s")
    for (store, sender), taken in times.items():
        wall, cpu = median(each.wall for each in taken), median(each.cpu for each in taken)
        rounds = " ".join(f"{each.wall:.2f}" for each in taken)
        print(f"{store:10} {sender:30} {wall:7.2f} {mib / wall:6.0f} {cpu:6.2f}  {rounds}")


if __name__ == "__main__":
    main()
