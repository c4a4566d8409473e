"""Signed URLs use the public endpoint, the service's own requests the internal one."""

from typing import Any, Final

import pytest

from service.app import builders
from service.app.settings import Settings
from service.s3.endpoints import resolve
from service.sessions.pool_entry import SigningSession
from service.sessions.session import Session
from service.signing.actions import GetObject
from service.signing.signer import Address
from tests.support.factories import make_credentials

INTERNAL: Final = "http://store.internal:9000"
PUBLIC: Final = "https://files.example.test"
BOTH: Final = {"endpoint_url": INTERNAL, "public_endpoint_url": PUBLIC}
AWS: Final = "https://reports.s3.eu-west-1.amazonaws.com/"


SESSION: Final = Session(credentials=make_credentials(), name="s", starts_at=0)


def address_with(**changes: Any) -> Address:
    bucket = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/r", **changes}
    settings = Settings.model_validate({"buckets": {"reports": bucket}, "callers": []})
    return resolve(builders.locations(settings), in_process=True).addresses["reports"]


def url_of(address: Address | None) -> str | None:
    return None if address is None else f"{address.origin}{address.path_prefix}"


@pytest.mark.parametrize(
    ("changes", "public", "internal"),
    [
        ({}, AWS, None),
        ({"endpoint_url": INTERNAL}, f"{INTERNAL}/reports/", None),
        ({"endpoint_url": INTERNAL, "public_endpoint_url": INTERNAL}, f"{INTERNAL}/reports/", None),
        (BOTH, f"{PUBLIC}/reports/", f"{INTERNAL}/reports/"),
        (
            {**BOTH, "addressing_style": "virtual"},
            "https://reports.files.example.test/",
            "http://reports.store.internal:9000/",
        ),
        ({"public_endpoint_url": PUBLIC}, f"{PUBLIC}/reports/", AWS),
        (
            {"public_endpoint_url": PUBLIC, "dual_stack": True},
            f"{PUBLIC}/reports/",
            "https://reports.s3.dualstack.eu-west-1.amazonaws.com/",
        ),
    ],
    ids=str,
)
def test_public_and_internal_addresses(
    changes: dict[str, Any], public: str, internal: str | None
) -> None:
    address = address_with(**changes)
    assert (url_of(address), url_of(address.internal)) == (public, internal)
    for each in (address, address.internal or address):
        assert each.region == "eu-west-1"


def test_a_session_signs_for_both_hosts() -> None:
    address = address_with(**BOTH)
    signing = SigningSession.at(address, SESSION)
    urls = [
        signer.presign(GetObject(), "a", now=0, expires_in=60)
        for signer in (signing.signer, signing.internal_signer)
    ]
    assert urls[0].startswith(f"{PUBLIC}/reports/a?")
    assert urls[1].startswith(f"{INTERNAL}/reports/a?")
    assert urls[0].rpartition("=")[2] != urls[1].rpartition("=")[2]  # the host is signed


def test_one_signer_serves_a_single_host() -> None:
    signing = SigningSession.at(address_with(), SESSION)
    assert signing.signer is signing.internal_signer
