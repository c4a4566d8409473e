"""Unmodified programs with an AWS SDK, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ENDPOINT_URL_STS."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from service.protocols.sts.documents import error_document
from tests.clients.credentials.place import BUCKET, KEY, NEIGHBOURS, OWN, Place, place_of
from tests.clients.credentials.sts_door import Door, door_to
from tests.clients.credentials.test_sdks import AWS, PROGRAMS, PYTHON, Program, run
from tests.clients.page import DRIVERS
from tests.clients.toolchains import GENERATORS, missing, tool
from tests.docs.documents import commands
from tests.support.stores import Store

ROLE: Final = "arn:aws:iam::000000000000:role/"
GO_SOURCES: Final = Path("/usr/share/gocode")  # Debian's
UNAVAILABLE: Final = (503, error_document("ServiceUnavailable", "No session.", "", is_ours=True))
THROTTLED: Final = (429, error_document("Throttling", "Slow down.", "", is_ours=False))
BY_NAME: Final = {program.name: program for program in PROGRAMS}
# The counts below, of how often a program asks, are in this order.
NAMES: Final = ("boto3", "the AWS CLI", "@aws-sdk/client-s3", "aws-sdk-go-v2")


@pytest.fixture(name="go", scope="session")
def _go(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A program with Debian's AWS SDK for Go 2, compiled here."""
    go = tool("go", "golang-go")
    if not (GO_SOURCES / "src/github.com/aws/aws-sdk-go-v2").is_dir():
        missing("The AWS SDK for Go is not here", "golang-github-aws-aws-sdk-go-v2-dev")
    directory = tmp_path_factory.mktemp("go")
    source = directory / "drive_sdk_go.go"
    source.write_text((DRIVERS / "credentials" / source.name).read_text())
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_SOURCES)}
    done = subprocess.run(
        [go, "build", "-o", "drive", source.name],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Program("aws-sdk-go-v2", (str(directory / "drive"),))


@pytest.fixture(name="program", params=NAMES)
def _program(request: pytest.FixtureRequest) -> Program:
    found = BY_NAME.get(request.param)
    return request.getfixturevalue("go") if found is None else found


@pytest.fixture(name="place", scope="module")
def _place(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    ministack.put(NEIGHBOURS, b"untouched")
    with place_of(ministack, tmp_path_factory.mktemp("service"), sts=True) as running:
        yield running


@pytest.fixture(name="door")
def _door(place: Place) -> Iterator[Door]:
    with door_to(place.service) as door:
        yield door


def settings(door: Door, home: Path, token: str = KEY, bucket: str = BUCKET) -> dict[str, str]:
    file = home / "web-identity"
    file.write_text(token)
    return {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
        "AWS_ROLE_ARN": f"{ROLE}{bucket}",
        "AWS_ENDPOINT_URL_STS": door.url,
    }


def test_its_own_prefix_works_and_the_store_refuses_the_neighbours(
    place: Place, door: Door, program: Program, tmp_path: Path
) -> None:
    own = f"{OWN}{uuid4().hex}/"
    printed, sent = run(place, program, tmp_path, settings(door, tmp_path), own)
    assert printed[0] == "3"
    assert printed[1] in {"AccessDenied", "403"}
    for number in range(3):
        assert place.store.content(f"{own}{number}") == b"hello"
    assert set(door.statuses) == {200}
    assert all("x-amz-security-token" in request.headers for request in sent)


def test_a_run_goes_on_with_new_credentials(
    place: Place, door: Door, program: Program, tmp_path: Path
) -> None:
    # Go asks again once they are over, the others some minutes before.
    door.ends_in = -1 if program.name == "aws-sdk-go-v2" else 20
    printed, _ = run(place, program, tmp_path, settings(door, tmp_path), f"{OWN}run/{uuid4().hex}/")
    assert printed[0] == "3"
    assert len(door.statuses) >= 2


def test_a_wrong_token_ends_the_program(
    place: Place, door: Door, program: Program, tmp_path: Path
) -> None:
    said = fails(place, program, tmp_path, settings(door, tmp_path, token="wrong"))
    assert "InvalidIdentityToken" in said
    assert len(door.statuses) == (1, 1, 1, 3)[NAMES.index(program.name)]


def test_a_foreign_bucket_ends_the_program(
    place: Place, door: Door, program: Program, tmp_path: Path
) -> None:
    said = fails(place, program, tmp_path, settings(door, tmp_path, bucket="unknown"))
    assert "AccessDenied" in said
    assert len(door.statuses) == 1


@pytest.mark.parametrize("refusal", [UNAVAILABLE, THROTTLED], ids=["503", "429"])
def test_what_may_pass_is_asked_again(
    place: Place, door: Door, program: Program, tmp_path: Path, refusal: tuple[int, bytes]
) -> None:
    door.refusal = refusal
    fails(place, program, tmp_path, settings(door, tmp_path))
    assert len(door.statuses) == (5, 5, 3, 3)[NAMES.index(program.name)]


def test_another_call_of_sts_is_refused_in_words(place: Place, door: Door, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    command = [AWS, "sts", "get-caller-identity"]
    done, _ = place.run(command, tmp_path, settings(door, tmp_path) | keys)
    assert done.returncode != 0
    assert "presign answers AssumeRoleWithWebIdentity" in done.stderr


def test_minio_sends_its_token_in_the_query_and_is_refused(
    place: Place, door: Door, tmp_path: Path
) -> None:
    """Its other provider works: see MINIO of `test_sdks.py`."""
    code = (
        "import sys; from minio.credentials import WebIdentityProvider; WebIdentityProvider("
        "jwt_provider_func=lambda: {'access_token': sys.argv[1]}, sts_endpoint=sys.argv[2],"
        "role_arn=sys.argv[3], role_session_name='minio').retrieve()"
    )
    command = [PYTHON, "-c", code, KEY, door.url, f"{ROLE}{BUCKET}"]
    done, _ = place.run(command, tmp_path, {})
    assert done.returncode != 0
    assert door.statuses == [400]


def fails(place: Place, program: Program, home: Path, more: dict[str, str]) -> str:
    """What the program prints when it gets no credentials."""
    with pytest.raises(AssertionError) as failure:
        run(place, program, home, more, f"{OWN}{uuid4().hex}/")
    return str(failure.value)


def test_the_commands_of_the_page_upload(place: Place, door: Door, tmp_path: Path) -> None:
    [shell] = [each for each in commands("docs/credentials.md") if "AWS_ROLE_ARN" in each.text]
    (tmp_path / "q3.csv").write_text("q3,42\n")
    (tmp_path / "token").write_text(KEY)
    text = (
        shell.text.replace("https://presign.example.com/sts", door.url)
        .replace("/var/run/secrets/presign/token", str(tmp_path / "token"))
        .replace("acme-reports-prod/analytics/", f"{place.store.bucket}/{OWN}")
    )
    path = os.pathsep.join([str(GENERATORS), os.defpath])
    done, _ = place.run(["bash", "-euc", text], tmp_path, {"PATH": path})
    assert done.returncode == 0, done.stderr
    assert place.store.content(f"{OWN}q3.csv") == b"q3,42\n"
