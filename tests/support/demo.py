"""`presign demo` as a user runs it: a process, and its output."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.processes import free_ports, run_to_end

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 60.0
PASTE_SECONDS: Final = 60.0
# The progress of the examples, which is not a warning.
_PROGRESS: Final = re.compile(r"^\[#* *\] +\d+% of [\d.]+ MiB\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Demo:
    process: subprocess.Popen[str]
    url: str
    store_port: int
    printed: str


@contextmanager
def demo(*options: str, **environment: str) -> Iterator[Demo]:
    port, store_port = free_ports(2)
    command = [sys.executable, "-u", "-m", "service", "demo", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--store-port", str(store_port), *options],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            printed = _until(process, "Ctrl-C ends it.")
            url = f"http://127.0.0.1:{port}"
            yield Demo(process=process, url=url, store_port=store_port, printed=printed)
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            finally:
                process.kill()  # otherwise a failure would wait for its end


def paste(lines: str, directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run shell lines and return their output. They must succeed without warnings."""
    command = ["bash", "-euo", "pipefail", "-c", lines]
    pasted = run_to_end(command, cwd=directory, env=environment, seconds=PASTE_SECONDS)
    complaints = _PROGRESS.sub("", pasted.stderr)
    assert (pasted.returncode, complaints) == (0, ""), complaints
    return pasted.stdout


def _until(process: subprocess.Popen[str], last: str) -> str:
    """Return what the process prints, up to a line with `last`."""
    assert process.stdout is not None
    deadline, printed = time.monotonic() + START_SECONDS, ""
    while last not in printed and time.monotonic() < deadline:
        line = process.stdout.readline()
        assert line, f"it ended: {printed}"
        printed += line
    return printed
