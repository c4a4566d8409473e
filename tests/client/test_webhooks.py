"""A receiver knows what presign has signed with its secret, and nothing else."""

import base64
from collections.abc import Mapping
from typing import Final

import pytest

from presign_client import PresignError
from presign_client.webhooks import verify
from service.protocols.arrivals.hooks import signed_headers

NOW: Final = 1_767_225_600
BODY: Final = b'{"type": "object.created", "data": {"key": "a"}}'
KEY: Final = b"k" * 32
SECRET: Final = f"whsec_{base64.b64encode(KEY).decode()}"
OTHER: Final = f"whsec_{base64.b64encode(b'o' * 32).decode()}"


def headers_of(*keys: bytes, event_id: str = "evt_1", now: int = NOW) -> dict[str, str]:
    return signed_headers(keys or (KEY,), event_id, BODY, now=now)


def test_a_signed_event_is_returned() -> None:
    assert verify(headers_of(), BODY, SECRET, now=NOW)["data"] == {"key": "a"}


def test_names_of_headers_may_have_capitals() -> None:
    headers = {name.title(): value for name, value in headers_of().items()}
    assert verify(headers, BODY, SECRET, now=NOW)


@pytest.mark.parametrize("secrets", [[SECRET, OTHER], [OTHER, SECRET]])
def test_either_side_may_rotate_its_secret(secrets: list[str]) -> None:
    assert verify(headers_of(), BODY, secrets, now=NOW)
    assert verify(headers_of(b"o" * 32, KEY), BODY, SECRET, now=NOW)


@pytest.mark.parametrize("later", [-300, 0, 300])
def test_five_minutes_of_difference_are_accepted(later: int) -> None:
    assert verify(headers_of(), BODY, SECRET, now=NOW + later)


@pytest.mark.parametrize(
    ("headers", "body", "secret", "later"),
    [
        (headers_of(), BODY + b" ", SECRET, 0),
        (headers_of(), BODY, OTHER, 0),
        (headers_of(), BODY, SECRET, 301),
        (headers_of(), BODY, SECRET, -301),
        (headers_of() | {"webhook-id": "evt_2"}, BODY, SECRET, 0),
        (headers_of() | {"webhook-timestamp": str(NOW + 1)}, BODY, SECRET, 0),
        (headers_of() | {"webhook-timestamp": "now"}, BODY, SECRET, 0),
        (headers_of() | {"webhook-signature": ""}, BODY, SECRET, 0),
        (headers_of() | {"webhook-signature": "v1,"}, BODY, SECRET, 0),
        (headers_of() | {"webhook-signature": "v1,*"}, BODY, SECRET, 0),
        (headers_of() | {"webhook-signature": "v2,AAAA v1a,AAAA"}, BODY, SECRET, 0),
        (headers_of(event_id=""), BODY, SECRET, 0),
        ({}, BODY, SECRET, 0),
    ],
    ids=range(13),
)
def test_anything_else_is_refused(
    headers: Mapping[str, str], body: bytes, secret: str, later: int
) -> None:
    with pytest.raises(PresignError) as refused:
        verify(headers, body, secret, now=NOW + later)
    assert refused.value.code == "invalid_webhook"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_*", "\u00e9"])
def test_a_secret_that_is_none_is_an_error(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verify(headers_of(), BODY, secret, now=NOW)


def test_without_a_time_the_clock_counts() -> None:
    with pytest.raises(PresignError):
        verify(headers_of(), BODY, SECRET)
