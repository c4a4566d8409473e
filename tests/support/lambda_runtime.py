"""A function as Lambda runs it: AWS's runtime client with the image's handler, and its Runtime API.

docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import httpx

from tests.support.http_servers import Handler
from tests.support.lambda_events import response_of
from tests.support.processes import run_process

HANDLER: Final = "service.aws_lambda.handler.handler"
_API: Final = "/2018-06-01/runtime"
_TIMEOUT_SECONDS: Final = 30


@dataclass
class RuntimeApi:
    """Hands out one event at a time."""

    polled: Event = field(default_factory=Event)
    _events: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)
    _results: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)
    _count: int = 0

    def invoke(self, event: object) -> Any:
        """Return the function's result for an event. An error of the function fails the test."""
        self._count += 1
        self._events.put((f"00000000-0000-4000-8000-{self._count:012}", json.dumps(event).encode()))
        kind, result = self._results.get(timeout=_TIMEOUT_SECONDS)
        assert kind == "response", result.decode()
        return json.loads(result)

    def handler(self) -> type[Handler]:
        api = self

        class RuntimeHandler(Handler):
            disable_nagle_algorithm = True  # it would add 40 ms to each invocation

            def do_GET(self) -> None:  # noqa: N802 - its name there
                if self.path == "/polled":
                    self.answer(200 if api.polled.is_set() else 503)
                    return
                assert self.path == f"{_API}/invocation/next"
                api.polled.set()
                invocation_id, event = api._events.get()
                deadline = int(1000 * (time.time() + _TIMEOUT_SECONDS))
                self.answer(
                    200,
                    event,
                    {
                        "Content-Type": "application/json",
                        "Lambda-Runtime-Aws-Request-Id": invocation_id,
                        "Lambda-Runtime-Deadline-Ms": str(deadline),
                        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:1:f",
                        "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;"
                        "Parent=53995c3f42cd8ad8;Sampled=1",
                    },
                )

            def do_POST(self) -> None:  # noqa: N802 - its name there
                body = self.rfile.read(int(self.headers["content-length"]))
                self.answer(202)
                api._results.put((self.path.rpartition("/")[2], body))

        return RuntimeHandler


@dataclass(frozen=True)
class RunningFunction:
    api: RuntimeApi
    pid: int
    log: Path

    def send(self, event: dict[str, Any]) -> httpx.Response:
        return response_of(self.api.invoke(event))

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    @contextmanager
    def frozen(self) -> Iterator[None]:
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def run_function(
    directory: Path, environment: Mapping[str, str], handler: str = HANDLER
) -> Iterator[RunningFunction]:
    """Run the function until the block ends. It has started once it asks for an event."""
    api = RuntimeApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), api.handler())
    server.daemon_threads = True  # the one that waits for an event
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    address = f"127.0.0.1:{server.server_port}"
    command = [sys.executable, "-m", "awslambdaric", handler]
    variables = {"AWS_LAMBDA_RUNTIME_API": address, "AWS_REGION": "eu-west-1", **environment}
    try:
        with run_process(command, directory, f"http://{address}/polled", **variables) as process:
            yield RunningFunction(api, process.pid, directory / "output.log")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
