"""Debian's nginx, with the configuration that docs/uppy.md shows."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.browser import document
from tests.clients.toolchains import tool
from tests.end_to_end.nginx import nginx as running
from tests.support.processes import free_ports

_SERVER: Final = """
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {app}; }}
        {shown}
    }}
"""


def nginx() -> str:
    """Debian has it where only root looks."""
    return shutil.which("nginx", path="/usr/sbin") or tool("nginx", "nginx")


@contextmanager
def proxying(binary: str, directory: Path, *, app: str, presign: str) -> Iterator[str]:
    """One origin for the page of `app` and, below /uppy/, for the service at `presign`."""
    (port,) = free_ports(1)
    shown = document.shown("nginx").replace("http://presign.internal:8000", presign)
    shown = shown.replace("http://app.internal:3000", app)
    assert ".internal" not in shown
    url = f"http://127.0.0.1:{port}"
    server = _SERVER.format(port=port, app=app, shown=shown)
    with running(binary, directory, server, answers=f"{url}/"):
        yield url
