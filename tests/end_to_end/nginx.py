"""nginx as a child process, with the content of its `http` block; it writes only below its
directory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.processes import run_process

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
