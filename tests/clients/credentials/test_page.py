"""docs/credentials.md: its commands with the AWS CLI, boto3, and programs that take three keys."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.credentials.place import BUCKET, KEY, OWN, Place, place_of
from tests.clients.toolchains import GENERATORS, tool
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
    shell, python = block(place, "aws s3 ls"), block(place, "import boto3")
    assert BUCKET in place.uri
    path = os.pathsep.join([str(GENERATORS), os.defpath])
    more = {"PATH": path, "PRESIGN_TOKEN": KEY}
    listed, _ = place.run(["bash", "-euc", shell], tmp_path, "unused", **more)
    assert listed.returncode == 0, listed.stderr
    assert "q3.csv" in listed.stdout
    read, _ = place.run([str(GENERATORS / "python"), "-c", python], tmp_path, place.uri)
    assert (read.returncode, read.stdout) == (0, f"{TABLE}\n"), read.stderr


def test_programs_that_take_three_keys_write_and_read(place: Place, tmp_path: Path) -> None:
    (tmp_path / "q3.csv").write_text(TABLE)
    host = place.recording.url.removeprefix("http://")
    shell = (
        block(place, "--format env")
        .replace("https://s3.eu-west-1.amazonaws.com", place.recording.url)
        .replace("https://$keys@s3.eu-west-1.amazonaws.com", f"http://$keys@{host}")
    )
    other_store = f"--no-ssl --host={host} --host-bucket={host}"
    functions = f"""
s3cmd() {{ {tool("s3cmd", "s3cmd")} {other_store} "$@"; }}
mc() {{ {tool("minio-client", "minio-client")} --quiet "$@"; }}
"""
    tool("curl", "curl")
    before = len(place.recording.requests)
    done, _ = place.run(
        ["bash", "-euo", "pipefail", "-c", functions + shell],
        tmp_path,
        "unused",
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        PRESIGN_URL=place.service,
        PRESIGN_TOKEN=KEY,
    )
    assert done.returncode == 0, done.stderr
    assert f"s3://{place.store.bucket}/{OWN}q3.csv" in done.stdout
    assert done.stdout.endswith(TABLE * 2)
    assert place.store.content(f"{OWN}q3.csv") == TABLE.encode()
    sent = place.recording.requests[before:]
    for program in ("curl/", "MinIO"):
        assert any(request.headers.get("user-agent", "").startswith(program) for request in sent)


def block(place: Place, part: str) -> str:
    """Return the block of the page that has `part`, for this place."""
    [found] = [each for each in commands(PAGE) if part in each.text]
    assert found.mark == "run by tests/clients/credentials/test_page.py"
    return (
        found.text.replace("https://presign.example.com/v1/credentials/reports", place.uri)
        .replace("acme-reports-prod", place.store.bucket)
        .replace("analytics/", OWN)
    )
