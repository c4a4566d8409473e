"""The service at the highest load that this machine holds, for minutes: no error, memory flat.

`make soak` runs it for ten minutes; `--seconds` makes it shorter. Everything is on loopback: one worker
on one core, the load on another where there are two. What it holds against the service is printed as a
table, and an exit code other than 0 says that a bar was missed.

With `--abuse` other callers do what would hurt: refused batches and deletions, links that are made and ended again
and again, bodies that come slowly, an STS and a store that hang, and a hook, a store and an STS whose answers are floods. The load is an ordinary caller then: at least 99 %
of its answers must be right, and /livez must answer within 2 s.
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import httpx

from benchmarks import abuses
from benchmarks.link_store import links_with_a_store
from benchmarks.soak_configuration import API_KEY, CONFIGURATION

CONNECTIONS: Final = 32
ORDINARY: Final = 4  # connections of the ordinary caller beside abuses
SAMPLE_SECONDS: Final = 5.0
SETTLING: Final = 0.2  # of the time: caches and pools fill
MOST_GROWTH_MIB: Final = 8.0  # after that
SERVER_CORE, LOAD_CORE = 0, 1

# What is done beside the load: the abuse, the bucket that it asks for, and the caller.
ABUSES: Final = (
    ("heavy_batches", "soak", "refused"),
    ("share_links", "soak", "linking"),
    ("invalid_deletions", "soak", "signing"),
    ("slow_bodies", "soak", "refused"),
    ("singles", "no-sts", "waiting"),
    ("object_checks", "no-store", "waiting"),
    ("singles", "flood-sts", "flooded"),
    ("object_checks", "flood-store", "flooded"),
    ("pushes", "soak", "flooded"),
)
LEAST_ANSWERED: Final = 0.99


@dataclass
class Score:
    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    memory_mib: list[float] = field(default_factory=list)
    slowest: float = 0.0


def requests(worker: int) -> Iterator[tuple[bytes, int]]:
    """What one connection sends for ever, each with the status that is right; keys are all distinct."""
    for number in count():
        key = f"a/{worker}/{number}"
        one = {"bucket": "soak", "key": key}
        yield _post("download-urls", one), 200
        yield _post("upload-urls", {**one, "content_length": number % 1000}), 200
        yield _post("upload-forms", {**one, "overwrite": True, "max_content_length": 10}), 200
        yield _post("list-urls", {"bucket": "soak", "prefix": "a/"}), 200
        yield _post("download-urls", {**one, "key": f"b/{number}"}), 403
        yield _post("download-urls", {**one, "expires": 5}), 422
        yield _post("download-urls", one, key="nobody"), 401
        if number % 10 == 0:
            items = [{**one, "key": f"{key}/{item}"} for item in range(100)]
            yield _post("download-urls/batch", {"items": items}), 200


def _post(path: str, body: object, key: str = API_KEY) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST /v1/{path} HTTP/1.1\r\nHost: presign\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def connection(port: int, worker: int, until: float, score: Score) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request, right in requests(worker):
        if time.monotonic() >= until:
            break
        began = time.perf_counter()
        writer.write(request)
        status = await _answer(reader)
        score.slowest = max(score.slowest, time.perf_counter() - began)
        score.statuses[status] += 1
        if status != right:
            score.unexpected[f"{status} for {right}"] += 1
    writer.close()
    await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    await reader.readexactly(length)
    return status


async def load(port: int, seconds: float, pid: int) -> Score:
    score, until = Score(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        for worker in range(CONNECTIONS):
            tasks.create_task(connection(port, worker, until, score))
        tasks.create_task(_sample(pid, until, score))
    return score


async def ordinary_load(port: int, seconds: float, pid: int) -> tuple[Score, abuses.Seen]:
    """One ordinary caller and the kubelet, while others do their worst."""
    score, seen, until = Score(), abuses.Seen(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        for _ in range(ORDINARY):
            tasks.create_task(abuses.ordinary(port, "soak", API_KEY, until, seen))
        tasks.create_task(abuses.probe_livez(port, until, seen))
        tasks.create_task(_sample(pid, until, score))
    return score, seen


async def _sample(pid: int, until: float, score: Score) -> None:
    while time.monotonic() < until:
        await asyncio.sleep(min(SAMPLE_SECONDS, max(0.1, until - time.monotonic())))
        score.memory_mib.append(_memory_mib(pid))


def _memory_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@contextmanager
def served(
    directory: Path, port: int, hangs: str, floods: str, more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`hangs` and `floods` are URLs of servers; `more` is added to the configuration."""
    path = directory / "presign.yaml"
    path.write_text(CONFIGURATION.replace("HANGS", hangs).replace("FLOODS", floods) + more)
    command = [sys.executable, "-m", "service", "serve", "--config", str(path), "--port", str(port)]
    keys = {"AWS_ACCESS_KEY_ID": "AKIASOAK", "AWS_SECRET_ACCESS_KEY": "soak"}
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=output)
        try:
            _pin(process.pid, SERVER_CORE)
            _wait(port, process)
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            if process.poll() is not None:
                break
        time.sleep(0.1)
    raise SystemExit("the service did not start")


def _pin(pid: int, core: int) -> None:
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(pid, {sorted(os.sched_getaffinity(0))[core]})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def report(score: Score, seconds: float, cpu_seconds: float, exit_code: int) -> list[str]:
    """Prints what was seen; returns the bars that were missed."""
    total = sum(score.statuses.values())
    settled = score.memory_mib[int(len(score.memory_mib) * SETTLING) :]
    growth = settled[-1] - settled[0]
    print(f"requests         {total}, {total / seconds:.0f} a second; {dict(score.statuses)}")
    print(f"unexpected       {dict(score.unexpected) or 'none'}")
    print(f"slowest answer   {score.slowest * 1000:.0f} ms")
    print(f"CPU a request    {cpu_seconds / total * 1e6:.0f} µs")
    print(f"memory           {settled[0]:.1f} MiB settled, {settled[-1]:.1f} at the end")
    print(f"exit code        {exit_code}")
    missed = [f"unexpected answers: {dict(score.unexpected)}"] if score.unexpected else []
    if growth > MOST_GROWTH_MIB:
        missed.append(f"memory grew by {growth:.1f} MiB")
    return missed if exit_code == 0 else [*missed, f"exit code {exit_code}"]


def abuse_report(
    score: Score, seen: abuses.Seen, abused: dict[str, Counter[int]], exit_code: int
) -> list[str]:
    """Prints what the ordinary caller saw; returns the bars that were missed."""
    for name, statuses in abused.items():
        print(f"{name:28} {dict(statuses)}")
    print(f"ordinary caller  {dict(seen.statuses)}, {seen.answered:.2%} answered")
    print(f"/livez           {max(seen.livez_seconds):.2f} s at most")
    print(
        f"memory           {score.memory_mib[0]:.1f} MiB at first, {score.memory_mib[-1]:.1f} at the end"
    )
    missed = []
    if seen.answered < LEAST_ANSWERED:
        missed.append(f"{seen.answered:.2%} of the ordinary caller's requests were answered")
    if max(seen.livez_seconds) > abuses.PROBE_SECONDS:
        missed.append("/livez did not answer in time")
    return missed if exit_code == 0 else [*missed, f"exit code {exit_code}"]


@contextmanager
def hanging() -> Iterator[str]:
    """A server that accepts connections, reads nothing and never answers: the system accepts for it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4096)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def flooding() -> Iterator[str]:
    """A server in a process of its own, whose floods change from one connection to the next."""
    command = [sys.executable, "-m", "tests.support.flooding"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
        process.communicate(b"\n")  # it ends


def beside_abuses(
    port: int, seconds: float, pid: int
) -> tuple[Score, abuses.Seen, dict[str, Counter[int]]]:
    with ExitStack() as stack:
        abused = {
            f"{name} of {bucket}": stack.enter_context(
                abuses.running(name, port, bucket, key, seconds)
            )
            for name, bucket, key in ABUSES
        }
        score, seen = asyncio.run(ordinary_load(port, seconds, pid))
    return score, seen, abused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--abuse", action="store_true", help="beside callers who do their worst")
    arguments = parser.parse_args()
    seconds, port = arguments.seconds, _free_port()
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as directory, hanging() as hangs, ExitStack() as stack:
        room = Path(directory)
        links = stack.enter_context(links_with_a_store(room, missed)) if arguments.abuse else ""
        floods = stack.enter_context(flooding()) if arguments.abuse else hangs
        with served(room, port, hangs, floods, links) as process:
            # All cores but the service's are the load's: asyncio's own threads too
            _pin(0, LOAD_CORE)
            if arguments.abuse:
                score, seen, abused = beside_abuses(port, seconds, process.pid)
            else:
                score = asyncio.run(load(port, seconds, process.pid))
                cpu_seconds = _cpu_seconds(process.pid)
        if arguments.abuse:
            missed += abuse_report(score, seen, abused, process.returncode)
        else:
            missed += report(score, seconds, cpu_seconds, process.returncode)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


def _cpu_seconds(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
