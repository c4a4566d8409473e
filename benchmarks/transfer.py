"""How fast files get to a store and back: presign's clients next to boto3's transfer and the AWS CLI.

`make bench-transfer` moves the same random bytes with each, to and from MiniStack and SeaweedFS, all
on loopback and on the cores that this machine has: one large file up and down, and a folder of small
files up. What is timed is a whole process, from its start to its end: what a user waits for. Its CPU
time is the user's and the system's, without the service's and the store's. presign-client and
`examples/upload.mjs` ask the service for URLs, send SHA-256s, and compare the object at the end; the
others send CRC32s with their own credentials, and compare nothing after an upload.

Each round has another order and a store of its own, since a store keeps what is deleted for a while.
Its first upload is not counted: it is slower than all others, whoever sends it. A ratio is taken
within a round, and is the median of all rounds: other processes slow both sides of it.
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

from tests.clients.toolchains import GENERATORS
from tests.end_to_end.examples import command
from tests.support import stores
from tests.support.service import API_KEY, run_service

MIB: Final = 1024**2
PARALLEL: Final = 4
PART_MIB: Final = 8  # what the service chooses for 300 MiB, and boto3's default
SMALL_BYTES: Final = 4096
LIMIT_SECONDS: Final = 300
STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[stores.Store]]]] = {
    "MiniStack": stores.ministack,
    "SeaweedFS": stores.seaweedfs,
}
Times = dict[tuple[str, str, str], list["Time"]]  # by store, task and sender
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
    """A process that is timed."""

    name: str
    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Time:
    """Seconds of one process."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Files:
    """What is moved: one large file, and a folder of small ones."""

    large: Path
    folder: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=300)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    amounts = {"up": (options.mib, "MiB"), "down": (options.mib, "MiB")}
    amounts["folder"] = (options.files, "files")
    times: Times = defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        files = _random_files(Path(directory), options.mib, options.files)
        for number in range(options.rounds):
            for store in STORES:
                for task, sender, taken in _round(store, files, number):
                    times[store, task, sender].append(taken)
    _report(times, amounts)


def _random_files(directory: Path, mib: int, count: int) -> Files:
    files = Files(directory / "large", directory / "folder")
    with files.large.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
    for number in range(count):
        path = files.folder / f"{number % 20:02}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SMALL_BYTES))
    return files


def _round(store: str, files: Files, number: int) -> Iterator[tuple[str, str, Time]]:
    with _senders(store, files) as tasks:
        _time(tasks["up"][-1])
        for task, senders in tasks.items():
            first = number % len(senders)
            for sender in senders[first:] + senders[:first]:
                yield task, sender.name, _time(sender)


@contextmanager
def _senders(name: str, files: Files) -> Iterator[dict[str, list[Sender]]]:
    """Yield who does each task. The last of them is what the others are compared with."""
    with (
        tempfile.TemporaryDirectory() as of_store,
        tempfile.TemporaryDirectory() as of_service,
        STORES[name](Path(of_store)) as store,
        run_service(store, Path(of_service)) as service,
    ):
        url, copy = str(service.client.base_url), Path(of_service) / "copy"
        client = {"PRESIGN_URL": url, "PRESIGN_TOKEN": API_KEY, "XDG_STATE_HOME": of_service}
        presign = [sys.executable, "-m", "presign_client"]
        put, get = [*presign, "put", str(files.large)], [*presign, "get"]
        folder = [*presign, "put", "-r", str(files.folder), "objects/folder/"]
        parts = f"{PARALLEL} parts of {PART_MIB} MiB"
        yield {
            "up": [
                Sender("presign put", [*put, "objects/client"], client),
                _example(url, files.large),
                _boto3("boto3, its defaults", BOTO3, store, files.large, parallel=0),
                _boto3(f"boto3, {parts}", BOTO3, store, files.large, parallel=PARALLEL),
            ],
            "down": [
                Sender("presign get", [*get, "objects/client", str(copy)], client),
                _boto3(f"boto3, {parts}", BOTO3_DOWN, store, copy, parallel=PARALLEL),
            ],
            "folder": [
                Sender("presign put -r", folder, client),
                _aws(store, files.folder),
            ],
        }


def _example(url: str, file: Path) -> Sender:
    options = ["--service", url, "--bucket", "objects", "--parallel", str(PARALLEL)]
    arguments = [*options, str(file), "javascript"]
    return Sender("examples/upload.mjs", [*command(), *arguments], {"PRESIGN_TOKEN": API_KEY})


def _boto3(name: str, code: str, store: stores.Store, file: Path, *, parallel: int) -> Sender:
    where = [store.endpoint_url, store.region, store.bucket, str(file), f"boto3-{parallel}"]
    script = [sys.executable, "-c", code, *where, str(PART_MIB), str(parallel)]
    return Sender(name, script, _credentials())


def _aws(store: stores.Store, folder: Path) -> Sender:
    where = ["--endpoint-url", store.endpoint_url, "--region", store.region]
    copying = ["s3", "cp", "--recursive", "--quiet", str(folder), f"s3://{store.bucket}/aws/"]
    return Sender(
        "aws s3 cp --recursive", [str(GENERATORS / "aws"), *copying, *where], _credentials()
    )


def _credentials() -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": stores.ROOT_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": stores.ROOT_SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


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


def _report(times: Times, amounts: Mapping[str, tuple[int, str]]) -> None:
    print("ratio: the rate relative to the last line of its task, in the same round; median (all)")
    last = {(store, task): taken for (store, task, _), taken in times.items()}
    for (store, task, sender), taken in times.items():
        amount, unit = amounts[task]
        wall, cpu = median(each.wall for each in taken), median(each.cpu for each in taken)
        pairs = zip(last[store, task], taken, strict=True)
        ratios = [other.wall / each.wall for other, each in pairs]
        rounds = " ".join(f"{each:.2f}" for each in ratios)
        rate = f"{amount / wall:6.0f} {unit}/s"
        print(
            f"{store:10} {task:7} {sender:27} {rate:13} {wall:6.2f} s, {cpu:5.2f} s of CPU, "
            f"ratio {median(ratios):.2f} ({rounds})"
        )


if __name__ == "__main__":
    main()
