"""A hook can verify what it receives, and can recognise a repeated event."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from service.access.grants import Caller
from service.protocols.arrivals.hooks import (
    Arrival,
    key_of,
    signed_headers,
    webhook_body,
    webhook_id,
)
from service.protocols.arrivals.records import writer, writers
from service.sessions.source import session_name
from tests.protocols.arrivals.factories import KEY, SECRET, make_arrival, one
from tests.support.factories import make_caller_entry


def test_headers_are_those_of_standard_webhooks() -> None:
    # The vector of the specification's own libraries
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signed_headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", body, now=1614265330) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_of_two_secrets_signs() -> None:
    both = signed_headers([KEY, b"o" * 24], "evt_1", b"{}", now=7)["webhook-signature"]
    assert both.split() == [
        f"v1,{base64.b64encode(hmac.digest(key, b'evt_1.7.{}', hashlib.sha256)).decode()}"
        for key in (KEY, b"o" * 24)
    ]


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_****", f"whsec_{base64.b64encode(b'k' * 23).decode()}", SECRET[6:]],
)
def test_a_secret_too_weak_or_malformed_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 random bytes"):
        key_of(secret)


def test_the_body_has_what_the_store_said() -> None:
    body = json.loads(webhook_body(Arrival("uploads", one(), "billing")))
    assert body == {
        "type": "object.created",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "data": {
            "bucket": "uploads",
            "key": "in/a.txt",
            "size": 5,
            "etag": "d41d8cd98f00b204e9800998ecf8427e",
            "sequencer": "0055AED6DCD90281E5",
            "caller": "billing",
        },
    }


def test_the_same_event_has_the_same_id() -> None:
    assert webhook_id(make_arrival()) == webhook_id(make_arrival())


@pytest.mark.parametrize(
    "change",
    [
        {"key": "in/b"},
        {"eventName": "ObjectCreated:Copy"},
        {"eventTime": "2026-01-01T00:00:01.000Z"},
        {"object": {"sequencer": "1"}},
        {"object": {"versionId": "v"}},
        {"object": {"eTag": "e"}},
    ],
)
def test_another_event_has_another_id(change: dict[str, Any]) -> None:
    assert webhook_id(make_arrival(**change)) != webhook_id(make_arrival())


BILLING = Caller(issuer=None, subject="billing")
NAME = session_name((None, "billing"))
KNOWN = writers([make_caller_entry(BILLING), make_caller_entry(Caller(issuer="idp", subject="a*"))])


@pytest.mark.parametrize(
    ("principal", "who"),
    [
        (f"AWS:AROAOWN:{NAME}", "billing"),
        (f"AWS:AROAOWN:{NAME}-vended", "billing"),
        ("AWS:AROAOWN:somebody-0123456789ab", "somebody-0123456789ab"),
        (f"AWS:AROAOTHER:{NAME}", None),
        ("AWS:AIDAUSER", None),
        ("AWS:AROAOWN:presign", None),
        ("AWS:AROAOWN:", None),
        (f"Ceph:AROAOWN:{NAME}", None),
        ("A1B2C3", None),
        (None, None),
    ],
)
def test_only_sessions_of_the_own_role_name_callers(principal: str | None, who: str | None) -> None:
    assert writer(principal, "AROAOWN", KNOWN) == who


def test_an_unknown_role_names_nobody() -> None:
    assert writer(f"AWS:None:{NAME}", None, KNOWN) is None
    assert writer(f"AWS::{NAME}", None, KNOWN) is None
