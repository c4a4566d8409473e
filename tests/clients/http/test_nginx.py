"""Uploads through Debian's nginx, with the location that docs/object-urls.md shows."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.browser.proxy import nginx
from tests.clients.http.places import KEY, Place
from tests.clients.toolchains import tool
from tests.docs.documents import blocks
from tests.end_to_end.nginx import nginx as running
from tests.support.processes import free_ports

MIB: Final = 1024**2


@pytest.fixture(name="behind", scope="module")
def _behind(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same service, behind nginx."""
    [port] = free_ports(1)
    [location] = [b.text for b in blocks("docs/object-urls.md") if b.language == "nginx"]
    location = location.replace("http://presign.internal:8000", place.url)
    http = f"server {{ listen 127.0.0.1:{port}; {location} location /livez {{ return 200; }} }}"
    url = f"http://127.0.0.1:{port}"
    with running(nginx(), tmp_path_factory.mktemp("nginx"), http, answers=f"{url}/livez"):
        yield replace(place, url=url)


@pytest.mark.parametrize("expect", ["Expect: 100-continue", "Expect:"])
@pytest.mark.parametrize("size", [0, 5_000, 64 * MIB])
def test_an_upload_of_any_size_goes_to_the_store(
    behind: Place, home: Path, tmp_path: Path, size: int, expect: str
) -> None:
    file, key = tmp_path / "file", f"{uuid.uuid4().hex}/50% a+b//\u00e9.bin"
    file.touch()
    os.truncate(file, size)  # sparse
    curl = [tool("curl", "curl"), "-q", "-fsSL", "-u", f"x:{KEY}", "-H", "If-None-Match: *"]
    command = [*curl, "-H", expect, "-T", str(file), behind.address(key)]
    done, sent = behind.sent_by(command, home)
    assert done.returncode == 0, done.stderr
    assert [(each.method, each.length) for each in sent] == [("PUT", size)]
    assert behind.store.head(key)["ContentLength"] == size
