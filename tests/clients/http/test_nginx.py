"""Uploads through Debian's nginx, with the file of docs/behind-a-proxy.md."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.clients.http.places import KEY, Place, new_folder
from tests.clients.running import behind_nginx
from tests.clients.toolchains import tool

MIB: Final = 1024**2


@pytest.fixture(name="behind", scope="module")
def _behind(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same service, behind nginx."""
    with behind_nginx(place.url, tmp_path_factory.mktemp("proxy")) as url:
        yield replace(place, url=url)


@pytest.mark.parametrize("expect", ["Expect: 100-continue", "Expect:"])
@pytest.mark.parametrize("size", [0, 5_000, 64 * MIB])
def test_an_upload_of_any_size_goes_to_the_store(
    behind: Place, home: Path, tmp_path: Path, size: int, expect: str
) -> None:
    file, key = tmp_path / "file", f"{new_folder()}50% a+b//\u00e9.bin"
    file.touch()
    os.truncate(file, size)  # sparse
    curl = [tool("curl", "curl"), "-q", "-fsSL", "-u", f"x:{KEY}", "-H", "If-None-Match: *"]
    command = [*curl, "-H", expect, "-T", str(file), behind.address(key)]
    done, sent = behind.sent_by(command, home)
    assert done.returncode == 0, done.stderr
    assert [(each.method, each.length) for each in sent] == [("PUT", size)]
    assert behind.store.head(key)["ContentLength"] == size
