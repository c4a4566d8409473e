"""Which bytes of an upload the service sees, with Debian's curl."""

import os
import uuid
from pathlib import Path
from typing import Final

import pytest

from tests.clients.http.places import KEY, Place
from tests.clients.toolchains import tool

LARGE: Final = 100_000_000
SMALL: Final = 5_000  # curl asks before it sends only if there are more than 1 MiB


@pytest.mark.parametrize(("size", "discarded"), [(LARGE, 0), (SMALL, SMALL)])
def test_the_store_gets_the_whole_upload(
    place: Place, home: Path, tmp_path: Path, size: int, discarded: int
) -> None:
    file, key = tmp_path / "file", f"{uuid.uuid4().hex}.bin"
    file.touch()
    os.truncate(file, size)  # sparse
    curl = [tool("curl", "curl"), "-q", "-fsSL", "-u", f"x:{KEY}", "-H", "If-None-Match: *"]
    # By itself it waits for an answer for one second, and then sends the body to the service.
    curl += ["--expect100-timeout", "60"]
    before = place.discarded()
    done, sent = place.sent_by([*curl, "-T", str(file), place.address(key)], home)
    assert done.returncode == 0, done.stderr
    assert place.discarded() - before == discarded
    assert [(each.method, each.length) for each in sent] == [("PUT", size)]
    assert place.store.head(key)["ContentLength"] == size
