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
from threading import Thread
from typing import Final

from tests.support.processes import free_ports, run_to_end

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 180.0
PASTE_SECONDS: Final = 180.0
# The progress of the examples, which is not a warning.
_PROGRESS: Final = re.compile(r"^\[#* *\] +\d+% of [\d.]+ MiB\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Demo:
    process: subprocess.Popen[str]
    url: str
    store_port: int
    lines: list[str]  # it prints more while it runs

    @property
    def printed(self) -> str:
        return "".join(self.lines)

    def wait_for(self, text: str) -> None:
        """Wait until the demo has printed a text."""
        deadline = time.monotonic() + START_SECONDS
        while text not in self.printed:
            assert self.process.poll() is None, f"it ended: {self.printed}"
            assert time.monotonic() < deadline, f"{text} is not in: {self.printed}"
            time.sleep(0.02)


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
        assert process.stdout is not None
        url, lines = f"http://127.0.0.1:{port}", list[str]()
        started = Demo(process=process, url=url, store_port=store_port, lines=lines)
        reader = Thread(target=lines.extend, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            started.wait_for("Ctrl-C ends it.")
            yield started
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            finally:
                process.kill()  # otherwise a failure would wait for its end
                reader.join()


def paste(lines: str, directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run shell lines and return their output. They must succeed without warnings."""
    command = ["bash", "-euo", "pipefail", "-c", lines]
    pasted = run_to_end(command, cwd=directory, env=environment, seconds=PASTE_SECONDS)
    complaints = _PROGRESS.sub("", pasted.stderr)
    assert (pasted.returncode, complaints) == (0, ""), complaints
    return pasted.stdout
