"""The services that are compared: that of this tree, and those of other commits.

All run in the environment of this process, so that only the code of `service/` differs.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.targets import AWS_KEYS, FEATURES, free_port, write_configuration

ROOT: Final = Path(__file__).parents[1]
_ANSWER_SECONDS: Final = 60.0
_SETTLE_SECONDS: Final = 30.0


class Refused(Exception):
    """The service cannot do this, or not yet."""


@dataclass(frozen=True, slots=True)
class Side:
    """A commit by the name that the tables give it, and a tree of its files."""

    name: str
    tree: Path

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "AWS_", "PRESIGN_"))
        }
        return {**inherited, **AWS_KEYS, "PYTHONPATH": str(self.tree), "PYTHONHASHSEED": "0"}

    def command(self, *arguments: str) -> list[str]:
        """Return a command of the service. -P: the modules of the working directory do not count."""
        return [sys.executable, "-P", "-m", "service", *arguments]


HERE: Final = Side("this tree", ROOT)


@contextmanager
def sides(commits: Sequence[str], *, head: str | None = None) -> Iterator[list[Side]]:
    """Yield a side for each commit, and at the end that of `head`, by default of this tree."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        found = []
        for number, commit in enumerate([*commits, *([head] if head else [])]):
            tree = Path(directory) / str(number)
            stack.enter_context(_worktree(commit, tree))
            found.append(Side(commit, tree))
        yield found if head else [*found, HERE]


@contextmanager
def _worktree(commit: str, tree: Path) -> Iterator[None]:
    _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
    try:
        yield
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU µs a request, the longest hold of the loop in ms, and the last answer."""

    us: float
    held_ms: float
    last: str

    @property
    def body(self) -> str:
        return self.last.partition("\r\n\r\n")[2]


class Worker:
    """A process that runs `worker.py`."""

    def __init__(
        self, side: Side, directory: Path, arguments: Sequence[str], output: int | None = None
    ) -> None:
        """The last of `arguments` is the port. `output` takes its standard output."""
        directory.mkdir(parents=True, exist_ok=True)
        self.port = int(arguments[-1])
        self._channel, theirs = socket.socketpair()
        script = str(Path(__file__).with_name("worker.py"))
        self._log = directory / "log"
        with ExitStack() as stack:
            stack.enter_context(theirs)
            log = stack.enter_context(self._log.open("wb"))
            if output is None:
                output = stack.enter_context((directory / "audit").open("wb")).fileno()
            self.process = subprocess.Popen(
                # -P: the modules of this folder must not hide those of the standard library
                [sys.executable, "-P", script, str(theirs.fileno()), *arguments],
                pass_fds=[theirs.fileno()],
                env=side.environment,
                cwd=side.tree,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        self._channel.settimeout(_ANSWER_SECONDS)
        self._lines = self._channel.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._channel.close()  # which ends it
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(
        self, requests: Collection[bytes], at_once: int = 16, *, is_watched: bool = False
    ) -> Spent:
        """Raises Refused if an answer is an error, or if the process has ended."""
        job = {
            "requests": [each.decode("latin-1") for each in requests],
            "at_once": at_once,
            "is_watched": is_watched,
            "seconds": 0,
        }
        result = self._result(job)
        if result["refused"]:
            raise Refused(_shown(result["refused"]))
        return Spent(result["us"], result["held_ms"], result["last"])

    def held_ms(self, seconds: float) -> tuple[float, float]:
        """Return the longest that the loop is held meanwhile, and with all threads, in ms of CPU."""
        job = {"requests": [], "at_once": 1, "is_watched": True, "seconds": seconds}
        result = self._result(job)
        return result["held_ms"], result["held_by_all_ms"]

    def settle(self, request: bytes) -> None:
        """Ask until the answer is no error: sessions and the keys of issuers come in time.

        Raises Refused if it remains one.
        """
        until = time.monotonic() + _SETTLE_SECONDS
        while True:
            try:
                self.ask([request], 1)
            except Refused as refused:
                # Only a 5xx passes.
                if time.monotonic() > until or not str(refused).startswith(("401", "5")):
                    raise
                time.sleep(0.2)
            else:
                return

    def _result(self, job: dict[str, Any]) -> dict[str, Any]:
        with suppress(ConnectionError):
            self._channel.sendall(json.dumps(job).encode() + b"\n")
            try:
                line = self._lines.readline()
            except TimeoutError:
                raise Refused("no answer came in time") from None
            if line:
                found: dict[str, Any] = json.loads(line)
                return found
        self.process.wait(30)
        lines = self._log.read_text(errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"exit code {self.process.returncode}"
        raise Refused(last.rpartition("presign.yaml:1: ")[2][:200])


def _shown(refused: str) -> str:
    """`409 key_exists`, for example."""
    head, _, body = refused.partition("\r\n\r\n")
    status = head.split(" ", 2)[1]
    with suppress(ValueError, KeyError, TypeError):
        return f"{status} {json.loads(body)['type'].rpartition('/')[2]}"
    return status


@contextmanager
def service(
    side: Side, directory: Path, configuration: Path, output: int | None = None
) -> Iterator[Worker]:
    """Yield the service with that configuration. Raises Refused if it does not start."""
    arguments = ["service", "serve", "--config", str(configuration), "--port", str(free_port())]
    with Worker(side, directory, arguments, output) as worker:
        worker.settle(b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n")
        yield worker


@contextmanager
def app(name: str, directory: Path) -> Iterator[Worker]:
    """Yield one of `apps.py`, of this tree."""
    here = Side(name, ROOT)
    with Worker(here, directory, ["benchmarks.apps", name, "0", str(free_port())]) as worker:
        yield worker


@contextmanager
def fullest(side: Side, directory: Path, issuing: str) -> Iterator[tuple[Worker, dict[str, str]]]:
    """Yield the service with as many of FEATURES as its commit has, and why it has not the others."""
    with ExitStack() as stack:
        lacking: dict[str, str] = {}
        try:
            worker = stack.enter_context(_with(side, directory, issuing, FEATURES))
        except Refused:
            tried = {each: _error(side, directory, issuing, each) for each in FEATURES}
            lacking = {each: error for each, error in tried.items() if error}
            known = FEATURES - lacking.keys()
            worker = stack.enter_context(_with(side, directory, issuing, known))
        yield worker, lacking


@contextmanager
def _with(side: Side, directory: Path, issuing: str, features: Collection[str]) -> Iterator[Worker]:
    directory.mkdir(parents=True, exist_ok=True)
    path = write_configuration(directory, issuing, features)
    with service(side, directory, path) as worker:
        yield worker


def _error(side: Side, directory: Path, issuing: str, feature: str) -> str:
    try:
        with _with(side, directory, issuing, {feature}):
            return ""
    except Refused as refused:
        return str(refused)
