"""docs/guides/other-stores.md: its check shows which promises a store keeps."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import pytest

from tests.clients.toolchains import tool
from tests.docs.documents import commands
from tests.support import stores
from tests.support.service import API_KEY, run_service
from tests.support.stores import Store

GUIDE: Final = "docs/guides/other-stores.md"
REFUSED: Final = "refused, as it should be"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (stores.seaweedfs, [REFUSED, "403", "403", "403", "200"]),
        (stores.ministack, [REFUSED, "403", "403", "200", "412"]),  # it acts on unsigned headers
        (stores.moto, [REFUSED, "403", "403", "403", "200"]),  # behind the gate of the demo
    ],
    ids=["seaweedfs", "ministack", "moto"],
)
def test_the_check_shows_what_a_store_does_not_keep(
    start: Callable[[Path], AbstractContextManager[Store]], expected: list[str], tmp_path: Path
) -> None:
    tool("curl", "curl")
    [block] = [each for each in commands(GUIDE) if "probe.txt" in each.text]
    own, shell = tmp_path / "store", tmp_path / "shell"
    own.mkdir()
    shell.mkdir()
    with start(own) as store, run_service(store, tmp_path) as service:
        text = block.text
        for shown, ours in (
            ("http://127.0.0.1:8000", str(service.client.base_url).rstrip("/")),
            ("PRESIGN_TOKEN=demo", f"PRESIGN_TOKEN={API_KEY}"),
            ("/demo/probe", f"/{store.bucket}/probe"),  # the copy's source
            ("demo/probe", "objects/probe"),
        ):
            text = text.replace(shown, ours)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=shell,
            env={"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "object_exists" in done.stderr
    printed = done.stdout.splitlines()
    assert [line for line in printed if line in {REFUSED, "200", "403", "412"}] == expected
