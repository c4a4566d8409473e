"""`make bench-profile`: where a request's CPU goes, and where the memory of an idle service.

The app alone, in this process, without a server around it: what is called between a request and its
answer, sampled by the kernel's CPU timer. The memory is what each package adds when it is imported, in
a process of its own.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvloop
from starlette.types import Message, Receive, Scope

from benchmarks import asking, issuing, targets
from service.app.builders import locations
from service.app.environment import Environment
from service.app.factory import create_app
from service.app.settings import load_settings
from service.s3.endpoints import resolve
from service.telemetry.line_sink import LineSink

SECONDS: Final = 8.0
_EVERY: Final = 0.0007  # seconds of CPU between two samples
_SHOWN: Final = 32
# In the order in which the service comes to them, so that each bears what nobody before it has.
PACKAGES: Final = [
    "asyncio",
    "uvloop",
    "httptools",
    "pydantic",
    "fastapi",
    "pydantic_settings",
    "httpx",
    "yaml",
    "prometheus_client",
    "limits",
    "jwt",
    "uvicorn",
    "aioboto3",
    "service.cli.serve",
]
_IMPORTING: Final = """
import os, sys
def mib(): return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before = mib()
print(f"| the interpreter | {before:.1f} |")
for name in sys.argv[1:]:
    __import__(name)
    print(f"| {name} | {mib() - before:.1f} |")
    before = mib()
print(f"| all | {before:.1f} |")
"""


class Sampler:
    """Which of the service's functions a sample falls into, however deep."""

    def __init__(self) -> None:
        self.samples = 0
        self.within: Counter[str] = Counter()

    def __call__(self, _: int, frame: FrameType | None) -> None:
        names = set()
        while frame is not None:
            code = frame.f_code
            if f"{os.sep}service{os.sep}" in code.co_filename:
                room = code.co_filename.rpartition(f"{os.sep}service{os.sep}")[2]
                names.add(f"{room} {code.co_qualname}")
            frame = frame.f_back
        if names:
            self.samples += 1
            self.within.update(names)


def main() -> None:
    issuer = issuing.start()
    url = f"http://127.0.0.1:{issuer.server_address[1]}"
    for kind, asked in (("a signed GET", asking.downloads), ("an upload", asking.uploads)):
        requests = asked(2000, targets.bucket_of(352), targets.API_KEY)
        microseconds, sampler = uvloop.run(_profiled(url, requests))
        print(
            f"\n{kind}: {microseconds:.0f} µs in the app\n\n| within | share | µs |\n| --- | --- | --- |"
        )
        for name, count in sampler.within.most_common(_SHOWN):
            share = count / sampler.samples
            print(f"| {name} | {share:.1%} | {share * microseconds:.1f} |")
    print("\n| imported | MiB |\n| --- | --- |", flush=True)
    subprocess.run([sys.executable, "-c", _IMPORTING, *PACKAGES], check=True)


async def _profiled(url: str, requests: list[bytes]) -> tuple[float, Sampler]:
    calls = [_call(each) for each in requests]
    async with _app(url) as answer:
        await _settled(answer, calls)
        before = time.thread_time()
        await _all(answer, calls)
        microseconds = (time.thread_time() - before) / len(calls) * 1e6
        sampler = Sampler()
        signal.signal(signal.SIGPROF, sampler)
        signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            await _all(answer, calls)
        signal.setitimer(signal.ITIMER_PROF, 0)
    return microseconds, sampler


@asynccontextmanager
async def _app(url: str) -> AsyncIterator[Callable[[Scope, Receive], Any]]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "presign.yaml"
        path.write_text(json.dumps(targets.configuration(url)))
        os.environ.update(AWS_ACCESS_KEY_ID="AKIABENCH", AWS_SECRET_ACCESS_KEY="bench")
        with (Path(directory) / "audit").open("wb") as audit:
            settings = load_settings(path)
            addresses = resolve(locations(settings)).addresses
            environment = Environment(write_audit=LineSink(audit.fileno()).write)
            app = create_app(settings, addresses, environment)

            async def answer(scope: Scope, receive: Receive) -> int:
                statuses = list[int]()

                async def send(message: Message) -> None:
                    statuses.append(message.get("status", 0))

                await app(scope, receive, send)
                return statuses[0]

            async with app.router.lifespan_context(app):
                yield answer


def _call(request: bytes) -> tuple[Scope, Message]:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    headers = [tuple(each.split(b": ", 1)) for each in lines]
    scope = {
        "type": "http",
        "method": "POST",
        "path": line.split()[1].decode(),
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("127.0.0.1", 1),
    }
    return scope, {"type": "http.request", "body": body, "more_body": False}


async def _all(answer: Any, calls: list[tuple[Scope, Message]]) -> None:
    for scope, message in calls:

        async def receive(message: Message = message) -> Message:
            return message

        assert await answer({**scope, "state": {}}, receive) == 200


async def _settled(answer: Any, calls: list[tuple[Scope, Message]]) -> None:
    """Once the session has come."""
    for _ in range(50):
        try:
            await _all(answer, calls[:1])
        except AssertionError:
            await asyncio.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
