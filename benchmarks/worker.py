"""Runs a program that serves with uvicorn, and hands requests to its protocol class without a socket.

`python -P benchmarks/worker.py DESCRIPTOR MODULE ARGUMENTS…` runs the module as `python -m` does. Jobs
come as lines of JSON over the socket with that descriptor, and so do their results. What is measured
is CPU time of this process, of all Python from the bytes of a request to those of its answer; the
kernel has no part in it. So the figures hold on a machine that is busy.

It knows nothing of the service but that uvicorn runs it, so that the service can be that of any
commit. For the same reason it imports nothing of this package.
"""

import asyncio
import gc
import json
import runpy
import socket
import sys
import time
from typing import Any, Final

import uvicorn

CONNECTIONS: Final = 16
_LINE_BYTES: Final = 1 << 28  # of a job, at most
_PEERS: Final = {"peername": ("127.0.0.1", 40000), "sockname": ("127.0.0.1", 8000)}
_STATUS: Final = slice(9, 10)  # its first digit in `HTTP/1.1 200`
_END_OF_HEAD: Final = b"\r\n\r\n"


class Answers:
    """Counts down to the last answer of some requests."""

    def __init__(self) -> None:
        self.refused = b""
        self._missing = 0
        self._done: asyncio.Future[None]

    def expect(self, number: int) -> asyncio.Future[None]:
        self._missing = number
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def arrived(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._done.set_result(None)


class FakeTransport(asyncio.Transport):
    """A connection whose client takes everything at once."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers
        self.answer = b""

    def write(self, data: Any) -> None:
        if not self.answer and data[_STATUS] not in b"23":
            self._answers.refused = bytes(data)
        self.answer += data
        # uvicorn writes the head first, and then the body.
        if not data.endswith(_END_OF_HEAD) or b"content-length: 0\r\n" in data.lower():
            self._answers.arrived()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _PEERS.get(name, default)

    def is_closing(self) -> bool:
        return False

    is_closed = is_closing

    def get_write_buffer_size(self) -> int:
        return 0

    def _nothing(self) -> None:
        """A client that is always there, and always ready."""

    pause_reading = resume_reading = close = abort = write_eof = _nothing


class Connections:
    """The server's own connections, each with a client of ours.

    They are for one job only, since a server ends those that are idle.
    """

    def __init__(self, server: uvicorn.Server) -> None:
        self.answers = Answers()
        self._opened = [self._open(server) for _ in range(CONNECTIONS)]

    def _open(self, server: uvicorn.Server) -> tuple[Any, FakeTransport]:
        protocol: Any = server.config.http_protocol_class(
            config=server.config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
        )  # type: ignore[call-arg]  # uvicorn's annotation has no arguments
        transport = FakeTransport(self.answers)
        protocol.connection_made(transport)
        return protocol, transport

    def close(self) -> None:
        for protocol, _ in self._opened:
            protocol.connection_lost(None)

    async def ask(self, requests: list[bytes], at_once: int) -> bytes:
        """Return the last answer."""
        last = b""
        for start in range(0, len(requests), at_once):
            some = requests[start : start + at_once]
            done = self.answers.expect(len(some))
            for (protocol, transport), request in zip(self._opened, some, strict=False):
                transport.answer = b""
                protocol.data_received(request)
            await done
            last = self._opened[len(some) - 1][1].answer
        return last


class Watch:
    """Wants every turn of the loop, and notes the longest CPU time between two.

    That of the whole process is longer if another thread does not let go of the interpreter.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.longest_of_process = 0.0

    async def __call__(self) -> None:
        before, process_before = time.thread_time(), time.process_time()
        while True:
            await asyncio.sleep(0)
            now, process_now = time.thread_time(), time.process_time()
            self.longest = max(self.longest, now - before)
            self.longest_of_process = max(self.longest_of_process, process_now - process_before)
            before, process_before = now, process_now


async def _result(server: uvicorn.Server, job: dict[str, Any]) -> dict[str, Any]:
    requests = [each.encode("latin-1") for each in job["requests"]]
    connections = Connections(server)
    watch = Watch()
    watching = asyncio.create_task(watch()) if job["is_watched"] else None
    gc.collect()
    await asyncio.sleep(0)
    before = time.process_time()
    last = await connections.ask(requests, job["at_once"])
    await asyncio.sleep(job["seconds"])
    spent = time.process_time() - before
    connections.close()
    if watching is not None:
        watching.cancel()
    return {
        "us": spent / max(1, len(requests)) * 1e6,
        "held_ms": watch.longest * 1000,
        "held_by_all_ms": watch.longest_of_process * 1000,
        "refused": connections.answers.refused.decode("latin-1"),
        "last": last.decode("latin-1"),
    }


async def _answer_jobs(server: uvicorn.Server, channel: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=channel, limit=_LINE_BYTES)
    while line := await reader.readline():
        result = await _result(server, json.loads(line))
        writer.write(json.dumps(result).encode() + b"\n")
        await writer.drain()
    server.should_exit = True


def main() -> None:
    channel, module = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    sys.argv[1:] = sys.argv[3:]
    main_loop = uvicorn.Server.main_loop

    async def with_jobs(server: uvicorn.Server) -> None:
        jobs = asyncio.create_task(_answer_jobs(server, channel))
        await main_loop(server)
        await jobs  # for its exception

    uvicorn.Server.main_loop = with_jobs  # type: ignore[assignment, method-assign]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
