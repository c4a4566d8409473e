"""docs/stores.md: its check shows which promises a store keeps."""

import os
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.clients.running import BASH
from tests.clients.toolchains import tool
from tests.docs.documents import block_of
from tests.end_to_end.conftest import moto
from tests.support.processes import run_to_end
from tests.support.service import API_KEY, run_service
from tests.support.stores import Store

__all__ = ["moto"]  # a fixture, found by name

PAGE: Final = "docs/stores.md"
REFUSED: Final = "refused, as it should be"
LOST: Final = "nothing is there"
SHOWN: Final = {REFUSED, LOST, "hello", "200", "204", "403", "412"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("seaweedfs", [REFUSED, "403", "403", "403", "200", "403", LOST]),  # no form in a session
        # It acts on unsigned headers, but the session that uploads has no right to read.
        ("ministack", [REFUSED, "403", "403", "403", "200", "204", "hello"]),
        # Behind the gate of the demo.
        ("moto", [REFUSED, "403", "403", "403", "200", "204", "hello"]),
    ],
)
def test_the_check_shows_what_a_store_does_not_keep(
    request: pytest.FixtureRequest, name: str, expected: list[str], tmp_path: Path
) -> None:
    for program in ("curl", "jq"):
        tool(program, program)
    store: Store = request.getfixturevalue(name)
    (shell := tmp_path / "shell").mkdir()
    with run_service(store, tmp_path) as service:
        text = block_of(PAGE, "probe.txt").text
        for shown, ours in (
            ("http://127.0.0.1:8000", str(service.client.base_url).rstrip("/")),
            ("PRESIGN_TOKEN=demo", f"PRESIGN_TOKEN={API_KEY}"),
            ("store_bucket=demo", f"store_bucket={store.bucket}"),
            ("demo/", "objects/"),
            ('"bucket": "demo"', '"bucket": "objects"'),
        ):
            text = text.replace(shown, ours)
        environment = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath])}
        done = run_to_end([*BASH, text], cwd=shell, env=environment)
    assert done.returncode == 0, done.stderr
    assert "object_exists" in done.stderr
    printed = done.stdout.splitlines()
    assert [line for line in printed if line in SHOWN] == expected
