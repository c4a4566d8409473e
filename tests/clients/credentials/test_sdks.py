"""Unmodified programs with an AWS SDK, and the two variables of container credentials."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.clients.credentials.place import KEY, NEIGHBOURS, OWN, Place, place_of
from tests.clients.page import DRIVERS
from tests.clients.recording import SentRequest
from tests.clients.toolchains import GENERATORS, NODE_MODULES, tool
from tests.end_to_end.examples import node
from tests.support.stores import Store

PYTHON: Final = str(GENERATORS / "python")
AWS: Final = str(GENERATORS / "aws")
_CREDENTIAL: Final = re.compile(r"Credential=(\w+)/")
# `sync` uploads or downloads several objects in one process.
_AWS_CLI: Final = """
set -e
"$aws" s3 sync --only-show-errors up "s3://$bucket/$own"
"$aws" s3 sync --only-show-errors "s3://$bucket/$own" down
diff -r up down && ls down | wc -l
"$aws" s3 cp "s3://$bucket/$neighbours" - 2>&1 | grep -o 'AccessDenied\\|403' | head -1
"""
_RCLONE: Final = """
set -e
settings=provider=Other,env_auth=true,no_check_bucket=true,region=$AWS_REGION
where=":s3,$settings,endpoint='$AWS_ENDPOINT_URL_S3':$bucket"
"$rclone" -q copy up "$where/$own"
"$rclone" -q copy "$where/$own" down
diff -r up down && ls down | wc -l
"$rclone" cat --retries 1 "$where/$neighbours" 2>&1 | grep -o 'AccessDenied\\|Forbidden' | head -1
"""


@dataclass(frozen=True)
class Program:
    """`command` gets the bucket, a prefix of its own, and a key of the neighbour."""

    name: str
    command: tuple[str, ...]
    script: str = ""

    def __str__(self) -> str:
        return self.name


def driven(name: str, python: str = PYTHON) -> Program:
    driver = DRIVERS / "credentials" / f"drive_{name}.py"
    return Program(name, (python, "-W", "error", str(driver)))


PROGRAMS: Final = [
    driven("boto3"),
    driven("aioboto3", sys.executable),  # of the service's own lock
    driven("s3fs"),
    driven("obstore"),
    Program("@aws-sdk/client-s3", (node(), "drive_client_s3.mjs")),
    Program("the AWS CLI", ("bash", "-c"), _AWS_CLI),
    Program("rclone", ("bash", "-c"), _RCLONE),
]


MINIO: Final = driven("minio")  # asks for others only once they are over


@pytest.fixture(name="place", scope="module")
def _place(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    ministack.put(NEIGHBOURS, b"untouched")
    with place_of(ministack, tmp_path_factory.mktemp("service")) as running:
        yield running


def run(
    place: Place, program: Program, home: Path, source: str | Mapping[str, str], own: str
) -> tuple[list[str], list[SentRequest]]:
    """Run the program, and return the lines that it printed and what it sent to the store."""
    arguments, more = [place.store.bucket, own, NEIGHBOURS], {}
    command = [*program.command, *arguments]
    if program.script:
        (home / "up").mkdir()
        for number in range(3):
            (home / "up" / str(number)).write_text("hello")
        more = dict(zip(("bucket", "own", "neighbours"), arguments, strict=True))
        rclone = tool("rclone", "rclone") if "rclone" in program.name else ""
        more |= {"aws": AWS, "rclone": rclone}
        command = [*program.command, program.script]
    elif command[1].endswith(".mjs"):
        # Node looks for packages from the file's own directory upwards.
        (home / "node_modules").symlink_to(NODE_MODULES)
        driver = DRIVERS / "credentials" / command[1]
        command[1] = str(home / command[1])
        Path(command[1]).write_text(driver.read_text())
    done, sent = place.run(command, home, source, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    return done.stdout.split(), sent


@pytest.mark.parametrize("program", [*PROGRAMS, MINIO], ids=str)
def test_its_own_prefix_works_and_the_store_refuses_the_neighbours(
    place: Place, program: Program, tmp_path: Path
) -> None:
    own = f"{OWN}{uuid4().hex}/"
    printed, sent = run(place, program, tmp_path, place.uri, own)
    assert printed[0] == "3"
    assert printed[1] in {"AccessDenied", "403", "Forbidden"}
    assert any(NEIGHBOURS in request.path for request in sent)
    for number in range(3):
        assert place.store.content(f"{own}{number}") == b"hello"


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_run_goes_on_with_new_credentials(place: Place, program: Program, tmp_path: Path) -> None:
    """Both sessions are in the requests of one run."""
    own = f"{OWN}run/{uuid4().hex}/"
    # JavaScript's SDK waits for others once these are over. Before, it goes on with them meanwhile.
    ends_in = -1 if program.name == "@aws-sdk/client-s3" else 60
    with place.ending_soon(ends_in) as endpoint:
        printed, sent = run(place, program, tmp_path, endpoint.uri, own)
    assert printed[0] == "3"
    used = {
        found[1]
        for request in sent
        if (found := _CREDENTIAL.search(request.headers.get("authorization", "")))
    }
    vended = {answer["AccessKeyId"] for answer in endpoint.answers}
    assert used == vended
    assert len(vended) == 2


@pytest.mark.parametrize(("option", "succeeds"), [("", False), (",no_check_bucket=true", True)])
def test_rclone_creates_no_bucket_if_it_is_asked_not_to(
    place: Place, tmp_path: Path, option: str, *, succeeds: bool
) -> None:
    """It does before it writes one file. It lists a folder before it writes that."""
    file, key = tmp_path / "q3.csv", f"{OWN}{uuid4().hex}"
    file.write_bytes(b"hello")
    store = f"region={place.store.region},endpoint='{place.recording.url}'"
    where = f":s3,provider=Other,env_auth=true{option},{store}:{place.store.bucket}/{key}"
    command = [tool("rclone", "rclone"), "--retries", "1", "copyto", str(file), where]
    done, sent = place.run(command, tmp_path, place.uri)
    assert (done.returncode == 0) is succeeds, done.stderr
    assert (f"/{place.store.bucket}" in {each.path for each in sent}) is not succeeds
    assert place.store.content(key) == (b"hello" if succeeds else None)
