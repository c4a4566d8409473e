"""Which buckets of a configuration share a session, and which stores obey a copy's conditions."""

from typing import Any, Final

import pytest

from service.app import builders
from service.app.settings import Settings
from service.config.types import OFFLINE
from tests.support.factories import ADDRESS

ROLE: Final = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}
STORE: Final = {**ROLE, "endpoint_url": "https://s.test", "sts_endpoint_url": "https://s.test"}
KEYS: Final = {"region": "eu-west-1", "credentials": "static"}


def buckets(first: dict[str, Any], second: dict[str, Any]) -> Any:
    given = {"first": first, "second": {**first, **second}}
    settings = Settings.model_validate({"buckets": given}, context=OFFLINE)
    return builders.buckets(settings, {"first": ADDRESS, "second": ADDRESS})


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (ROLE, {}, True),
        (ROLE, {"bucket": "acme-2", "session_seconds": 7200}, True),
        (ROLE, {"role_arn": "arn:aws:iam::111122223333:role/other"}, False),
        (ROLE, {"external_id": "ab"}, False),
        (ROLE, {"scoped_sessions": False}, False),
        (STORE, {"endpoint_url": "https://other.test"}, False),
        (KEYS, {}, True),
        (KEYS, {"access_key_id_file": "id", "secret_access_key_file": "secret"}, False),
    ],
)
def test_buckets_of_one_role_at_one_store_share_sessions(
    first: dict[str, Any], second: dict[str, Any], *, shared: bool
) -> None:
    found = buckets(first, second)
    assert (found["first"].copy_group == found["second"].copy_group) is shared


@pytest.mark.parametrize(
    ("bucket", "obeys"),
    [
        (ROLE, True),
        (STORE, False),
        ({**STORE, "conditional_copies": True}, True),
        ({**ROLE, "conditional_copies": False}, False),
    ],
)
def test_only_aws_obeys_a_copys_condition_by_default(
    bucket: dict[str, Any], *, obeys: bool
) -> None:
    assert buckets(bucket, {})["first"].conditional_copies is obeys
