"""What a hook receives about one event: its id and its body. Pure."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from pydantic_core import to_json

from service.protocols.arrivals.records import Record

_ID_DIGITS: Final = 32


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
