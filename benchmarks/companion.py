"""Uppy Companion, which signs uploads for browsers: what a form and a part cost it.

npm fetches it once, into a folder of the system's for temporary files. Without npm it is left out.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvloop

from benchmarks import load
from benchmarks.signers import keys
from benchmarks.targets import Target, served

PACKAGES: Final = ("@uppy/companion@6.2.2", "express@4", "express-session@1", "body-parser@1")
FOLDER: Final = Path(tempfile.gettempdir()) / "presign-bench-companion"
_FETCH_SECONDS: Final = 180
_ASKS: Final = 300
_SERVER: Final = """
const express = require('express'), session = require('express-session')
const companion = require('@uppy/companion')
const app = express(), port = Number(process.argv[2])
app.use(require('body-parser').json())
app.use(session({secret: 'bench', resave: false, saveUninitialized: false}))
app.get('/ready', (_, response) => response.send('ok'))
app.use(companion.app({
  s3: {key: 'AKIABENCH', secret: 'bench', bucket: 'acme-reports', region: 'eu-west-1'},
  server: {host: `127.0.0.1:${port}`, protocol: 'http'}, filePath: process.argv[3],
  secret: 'bench-bench-bench', uploadUrls: [`http://127.0.0.1:${port}`], corsOrigins: true, logClientVersion: false, metrics: false,
}).app)
app.listen(port, '127.0.0.1')
"""


def measure() -> dict[str, float] | None:
    """CPU µs a request, by what is asked for; None where it cannot be had."""
    node = shutil.which("node")
    if node is None or not _is_fetched():
        return None
    with _running(node) as target:
        forms = [f"/s3/params?filename={key}&type=image/png" for key in keys(_ASKS, "")]
        parts = [f"/s3/multipart/upload/1?key={key}" for key in keys(_ASKS, "")]
        return {name: _cost(target, paths) for name, paths in (("form", forms), ("part", parts))}


def _is_fetched() -> bool:
    npm = shutil.which("npm")
    if npm is None or (FOLDER / "node_modules").exists():
        return npm is not None
    FOLDER.mkdir(exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", *PACKAGES]
    try:
        done = subprocess.run(command, cwd=FOLDER, timeout=_FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@contextmanager
def _running(node: str) -> Iterator[Target]:
    script = FOLDER / "server.cjs"
    script.write_text(_SERVER)
    command = [
        "/bin/sh",
        "-c",
        'exec "$0" "$1" "$3" "$2" 2>/dev/null',
        node,
        str(script),
        str(FOLDER),
    ]
    yield from served(command, "/ready", {"NODE_ENV": "production"}, subprocess.DEVNULL)


def _cost(target: Target, paths: list[str]) -> float:
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in paths]
    uvloop.run(load.closed(target.port, requests))  # V8 compiles what is hot
    before = target.cpu_seconds
    uvloop.run(load.closed(target.port, requests))
    return (target.cpu_seconds - before) / len(requests) * 1e6
