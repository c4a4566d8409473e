"""A name in an address means a bucket and a prefix, or a place that nobody may use."""

import pytest

from service.access.decisions import Allowed, decide
from service.access.grants import AccessRequest, Grant, Grants, Operation
from service.protocols.roots import ProtocolRoot, Roots

ROOTS = Roots("/lfs", {"design": ProtocolRoot("reports", "lfs/design/")})
EVERYWHERE = Grant(bucket="reports", prefix="", allow=frozenset(Operation))


def test_a_name_means_a_bucket_and_a_prefix() -> None:
    assert ROOTS.find("design") == ProtocolRoot("reports", "lfs/design/")


@pytest.mark.parametrize("name", ["other", "reports", "", "..", "design/"])
def test_no_grant_covers_an_unknown_root(name: str) -> None:
    found = ROOTS.find(name)
    request = AccessRequest(operation=Operation.DOWNLOAD, bucket=found.bucket, key="a")
    assert not isinstance(decide(Grants([EVERYWHERE]), request), Allowed)
    assert "/" in found.bucket  # which no configured name has
