"""docs/credentials.md: what it says of permissions and versions is what the code has."""

import json
import re
from typing import Final

import pytest

from service.access.grants import Operation
from service.access.narrowing import Permission, vended_grants
from tests.docs.documents import section, table
from tests.support.demo import ROOT
from tests.support.factories import make_grant

NAME: Final = "docs/credentials.md"
CLIENTS: Final = {row[0]: row[1] for row in table(section(NAME, "Clients"))[2:]}


@pytest.mark.parametrize(
    ("client", "package", "lock"),
    [
        ("boto3", "boto3", "locks/clients.lock"),
        ("the AWS CLI", "awscli", "locks/clients.lock"),
        ("obstore", "obstore", "locks/clients.lock"),
        ("s3fs", "s3fs", "locks/clients.lock"),
        ("aioboto3", "aioboto3", "locks/runtime.lock"),
    ],
)
def test_the_named_version_is_pinned(client: str, package: str, lock: str) -> None:
    [pinned] = re.findall(rf"^{package}==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    assert CLIENTS[client] == pinned


def test_the_javascript_sdk_is_the_one_that_is_pinned() -> None:
    document = json.loads((ROOT / "tests/clients/package.json").read_text())
    assert CLIENTS["`@aws-sdk/client-s3`"] == document["devDependencies"]["@aws-sdk/client-s3"]


@pytest.mark.parametrize("permission", ["READ", "WRITE"])
def test_the_operations_of_a_permission_are_the_codes(permission: str) -> None:
    [[_, operations]] = [
        row for row in table(section(NAME, "Less than the grants")) if f"={permission}`" in row[0]
    ]
    [vended] = vended_grants([make_grant()], "reports", "", Permission(permission))
    named = {Operation(name) for name in re.findall(r"`(\w+)`", operations)}
    assert named == vended.allow - {Operation.VERSIONS}
