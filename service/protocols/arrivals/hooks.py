"""Hooks, which events each is notified of, and the message that it receives about one. Pure.

The message has the headers of Standard Webhooks, by which a receiver knows who sent it:
github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json

from service.access.grants import Operation
from service.presigning.answers import Members
from service.protocols.arrivals.queue import Queue
from service.protocols.arrivals.records import Happened, Record

_ID_DIGITS: Final = 32
_PREFIX: Final = "whsec_"
MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Is notified of what happens below a prefix of a bucket, by its name in the configuration.

    Each of `keys` signs. Neither they nor `url` may be shown: its path and query may be secret.
    """

    name: str
    bucket: str
    prefix: str
    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    events: frozenset[Happened] = frozenset({Happened.CREATED})

    def wants(self, key: str, happened: Happened) -> bool:
        """Whether it is notified of an object of its bucket."""
        return happened in self.events and key.startswith(self.prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalsValues:
    """`ca_bundle` has the authorities to trust, instead of the usual ones."""

    hooks: Mapping[str, Hook]
    queue: Queue | None = None
    ca_bundle: Path | None = None

    def by_bucket(self) -> Mapping[str, Sequence[Hook]]:
        found = defaultdict[str, list[Hook]](list)
        for hook in self.hooks.values():
            found[hook.bucket].append(hook)
        return found


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record of the bucket that the configuration calls `bucket`.

    `caller` is who wrote the object, if the record says so and can be believed. `first_seen` is
    when the queue first handed it out, in epoch seconds.
    """

    bucket: str
    record: Record
    caller: str | None = None
    first_seen: float | None = None


def members_of_try(
    hook: str, event_id: str, arrival: Arrival, status: int | None, failure: str | None
) -> Members:
    """Return what the audit line of a try says. `status` is None if the hook did not answer.

    `failure` says why it has not accepted the event, without an address.
    """
    return (
        ("decision", "allowed" if failure is None else "failed"),
        ("reason", failure),
        ("operation", Operation.NOTIFY),
        ("bucket", arrival.bucket),
        ("s3_bucket", arrival.record.s3_bucket),
        ("hook", hook),
        ("webhook_id", event_id),
        ("status", status),
    )


def webhook_id(arrival: Arrival) -> str:
    """Return the id of the event: the same at each try, whichever replica makes it."""
    record = arrival.record
    parts = (
        arrival.bucket,
        record.key,
        record.name,
        record.time,
        record.sequencer,
        record.version_id,
        record.etag,
    )
    return f"evt_{sha256(to_json(parts)).hexdigest()[:_ID_DIGITS]}"


def webhook_body(arrival: Arrival) -> bytes:
    """Return the body as JSON. What the store did not say is left out."""
    record = arrival.record
    data: dict[str, Any] = {
        "bucket": arrival.bucket,
        "key": record.key,
        "size": record.size,
        "etag": record.etag,
        "version_id": record.version_id,
        "sequencer": record.sequencer,
        "caller": arrival.caller,
    }
    return to_json(
        {
            "type": f"object.{record.happened}",
            "timestamp": record.time,
            "data": {name: value for name, value in data.items() if value is not None},
        }
    )


def key_of(secret: str) -> bytes:
    """Return the key in a secret. Raises ValueError, which does not repeat it."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(
            f"write {_PREFIX} and {MIN_KEY_BYTES} to {MAX_KEY_BYTES} random bytes in base64"
        )
    return key


def signed_headers(
    keys: Iterable[bytes], webhook_id: str, body: bytes, *, now: int
) -> dict[str, str]:
    """Return the headers of one try. `now` is in epoch seconds: receivers refuse an old time."""
    signed = b"%b.%d.%b" % (webhook_id.encode(), now, body)
    signatures = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
