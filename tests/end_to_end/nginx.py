"""nginx as a child process, with the content of its `http` block; it writes only below its
directory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.processes import free_ports, run_process

CONFIGURATION: Final = Path(__file__).parents[2] / "deploy" / "nginx" / "presign.conf"

_WHOLE: Final = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {http}
}}
"""


@contextmanager
def nginx(binary: str, directory: Path, http: str, *, answers: str) -> Iterator[None]:
    """Start nginx, and wait until the URL `answers` responds."""
    file = directory / "nginx.conf"
    file.write_text(_WHOLE.format(directory=directory, http=http))
    with run_process([binary, "-p", str(directory), "-c", str(file)], directory, answers, TZ="UTC"):
        yield


@contextmanager
def proxying(
    binary: str,
    directory: Path,
    replicas: tuple[str, str],
    *,
    port: int | None = None,
    sticky: bool = False,
) -> Iterator[str]:
    """Run deploy/nginx/presign.conf in front of two replicas, each `host:port`. Yield its URL."""
    own, health = free_ports(2)
    address = f"127.0.0.1:{port or own}"
    ours = CONFIGURATION.read_text(encoding="utf-8").replace("127.0.0.1:8080", address)
    for number, each in enumerate(replicas, 1):
        ours = ours.replace(f"presign-{number}.internal:8000", each)
    assert ".internal" not in ours
    if sticky:
        assert "# hash " in ours
        ours = ours.replace("# hash ", "hash ")
    health_check = f"server {{ listen 127.0.0.1:{health}; return 204; }}"
    answers = f"http://127.0.0.1:{health}/"
    with nginx(binary, directory, f"{health_check}\n{ours}", answers=answers):
        yield f"http://{address}"
