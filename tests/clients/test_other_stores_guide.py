"""docs/guides/other-stores.md: its check shows which promises a store keeps."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.clients.toolchains import tool
from tests.docs.documents import commands
from tests.end_to_end.conftest import moto
from tests.support.service import API_KEY, run_service
from tests.support.stores import Store

__all__ = ["moto"]  # a fixture, found by name

GUIDE: Final = "docs/guides/other-stores.md"
REFUSED: Final = "refused, as it should be"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("seaweedfs", [REFUSED, "403", "403", "403", "200"]),
        ("ministack", [REFUSED, "403", "403", "200", "412"]),  # it acts on unsigned headers
        ("moto", [REFUSED, "403", "403", "403", "200"]),  # behind the gate of the demo
    ],
)
def test_the_check_shows_what_a_store_does_not_keep(
    request: pytest.FixtureRequest, name: str, expected: list[str], tmp_path: Path
) -> None:
    tool("curl", "curl")
    [block] = [each for each in commands(GUIDE) if "probe.txt" in each.text]
    store: Store = request.getfixturevalue(name)
    (shell := tmp_path / "shell").mkdir()
    with run_service(store, tmp_path) as service:
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
