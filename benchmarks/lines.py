"""What lies between a client and a store: nothing, TLS, or a delay."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.end_to_end.nginx import nginx
from tests.support.processes import free_ports, run_process
from tests.support.stub_server import make_tls_context

PLAIN: Final = "plain"
TLS: Final = "TLS"
_TERMINATOR: Final = """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {directory}/ca.crt;
    ssl_certificate_key {directory}/key;
    client_max_body_size 0;
    location / {{
        proxy_pass {store};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
        proxy_buffer_size 256k;
        proxy_buffers 16 256k;
        proxy_busy_buffers_size 512k;
    }}
}}
server {{
    listen 127.0.0.1:{health};
    location / {{ return 200; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Where clients reach the store, and the variables by which they trust it."""

    url: str
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def line(kind: str, store: str, directory: Path) -> Iterator[Line]:
    """Yield a line to the store at this URL. A `kind` such as `50` is milliseconds of a delay."""
    if kind == PLAIN:
        yield Line(store)
    elif kind == TLS:
        with _terminated(store, directory) as found:
            yield found
    else:
        port, health = free_ports(2)
        delay = [sys.executable, "-m", "benchmarks.delaying", str(port), str(health), store, kind]
        with run_process(
            delay, directory, f"http://127.0.0.1:{health}/", PYTHONPATH=str(Path.cwd())
        ):
            yield Line(f"http://127.0.0.1:{port}")


@contextmanager
def _terminated(store: str, directory: Path) -> Iterator[Line]:
    binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if binary is None:
        raise SystemExit("nginx is missing: .ci/programs installs it")
    make_tls_context(directory)
    port, health = free_ports(2)
    http = _TERMINATOR.format(port=port, health=health, directory=directory, store=store)
    authority = str(directory / "ca.crt")
    trusted = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    with nginx(binary, directory, http, answers=f"http://127.0.0.1:{health}/"):
        yield Line(f"https://127.0.0.1:{port}", dict.fromkeys(trusted, authority))
