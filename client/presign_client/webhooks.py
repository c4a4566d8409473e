"""Verifies what presign sends to a hook, in the form of Standard Webhooks."""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from presign_client.errors import PresignError

INVALID_WEBHOOK = "invalid_webhook"
TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secret: str | Sequence[str],
    *,
    now: float | None = None,
) -> dict[str, Any]:
    """Return the event in a request to a hook, once its signature is verified.

    `headers` and `body` are those of the request; the body must be unchanged. `secret` is the
    hook's `whsec_…`, or several, of which one must fit. `now` is in epoch seconds; the default is
    the clock. Raises PresignError `invalid_webhook` for a request that presign has not signed with
    the secret, or that it signed more than five minutes ago, and ValueError for a secret that is
    none.

    The event has `type` (`object.created` or `object.removed`), `timestamp` and `data`. The same
    event may come twice: the header `webhook-id` is then the same.
    """
    keys = [_key(each) for each in ([secret] if isinstance(secret, str) else secret)]
    sent = {name.lower(): value for name, value in headers.items()}
    event_id, at = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
    signed = f"{event_id}.{at}.".encode() + body
    expected = [hmac.new(key, signed, "sha256").digest() for key in keys]
    given = [*map(_signature, sent.get("webhook-signature", "").split())]
    # Compare all, so that the time says nothing.
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    if not event_id or not any(matches):
        raise PresignError(INVALID_WEBHOOK, "The request is not signed with this secret.")
    if not at.isdecimal() or abs(_now(now) - int(at)) > TOLERANCE_SECONDS:
        raise PresignError(INVALID_WEBHOOK, "The request was not signed in the last five minutes.")
    event: dict[str, Any] = json.loads(body)
    return event


def _now(now: float | None) -> float:
    return time.time() if now is None else now


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(f"a secret of a hook is {_PREFIX} and base64")
    return key


def _signature(text: str) -> bytes:
    """Return a signature of version 1. An empty one equals none."""
    version, _, encoded = text.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""
