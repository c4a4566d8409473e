"""Offered load up to saturation: one replica, and two behind nginx."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks import issuing, over_http, targets
from benchmarks.targets import Target, free_port
from tests.support.processes import ended_with_us

_CONFIGURATION: Final = """
daemon off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  upstream presign {{ {servers} keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://presign; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def measure() -> Iterator[str]:
    """The lines of a table: by rate, the median and the 99th percentile of latency."""
    server = issuing.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    token = issuing.make_token(url)
    with ExitStack() as stack:
        found: list[Target] = []
        for _ in range(2):
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            found.append(stack.enter_context(targets.service(directory, url)))
            over_http.settle(found[-1], token)
        offered = {"one replica": found[0]}
        if shutil.which("nginx"):
            offered["two behind nginx"] = stack.enter_context(_nginx(found))
        told = over_http.by_load(offered)
    yield f"| GETs a second, p50 and p99 | {' | '.join(told)} |"
    yield f"| --- |{' --- |' * len(told)}"
    for rate in over_http.RATES:
        yield f"| {rate:,} | {' | '.join(_cell(line, rate) for line in told.values())} |"


def _cell(line: list[tuple[float, float, float]], rate: float) -> str:
    return next((f"{mid:.1f} and {late:.1f} ms" for at, mid, late in line if at == rate), "")


@contextmanager
def _nginx(behind: list[Target]) -> Iterator[Target]:
    servers = " ".join(f"server 127.0.0.1:{each.port};" for each in behind)
    with tempfile.TemporaryDirectory() as directory:
        port, path = free_port(), Path(directory) / "nginx.conf"
        path.write_text(_CONFIGURATION.format(directory=directory, servers=servers, port=port))
        command = ["nginx", "-c", str(path), "-p", directory]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            with ended_with_us(process):
                _wait(port)
                yield Target(process.pid, port, 0.0)
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int) -> None:
    request, until = b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n", time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if asyncio.run(answer(port, request)) == b"200":
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("nginx did not start")


async def answer(port: int, request: bytes) -> bytes:
    """Return the status of an answer that was read to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1).replace(
            b"\r\nConnection: keep-alive", b"", 1
        )
    )
    received = await reader.read()
    writer.close()
    return received[9:12]
