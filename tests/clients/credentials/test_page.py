"""docs/credentials.md: its commands with the AWS CLI and boto3."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.credentials.place import BUCKET, KEY, OWN, Place, place_of
from tests.clients.toolchains import GENERATORS
from tests.docs.documents import commands
from tests.support.stores import Store

PAGE: Final = "docs/credentials.md"
TABLE: Final = "quarter,total\nq3,42\n"


@pytest.fixture(name="place", scope="module")
def _place(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_of(ministack, tmp_path_factory.mktemp("service")) as running:
        yield running


def test_the_commands_upload_list_and_read(place: Place, tmp_path: Path) -> None:
    """In the order of the page: the CLI writes what boto3 reads."""
    (tmp_path / "q3.csv").write_text(TABLE)
    shell, python = (
        each.text.replace("https://presign.example.com/v1/credentials/reports", place.uri)
        .replace("acme-reports-prod", place.store.bucket)
        .replace("analytics/", OWN)
        for each in commands(PAGE)
        if each.mark == "run by tests/clients/credentials/test_page.py"
    )
    assert BUCKET in place.uri
    path = os.pathsep.join([str(GENERATORS), os.defpath])
    more = {"PATH": path, "PRESIGN_TOKEN": KEY}
    listed, _ = place.run(["bash", "-euc", shell], tmp_path, "unused", **more)
    assert listed.returncode == 0, listed.stderr
    assert "q3.csv" in listed.stdout
    read, _ = place.run([str(GENERATORS / "python"), "-c", python], tmp_path, place.uri)
    assert (read.returncode, read.stdout) == (0, f"{TABLE}\n"), read.stderr
