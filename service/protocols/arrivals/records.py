"""Reads what stores say about their objects: records of S3's event notifications. Pure.

- docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
- docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html, for EventBridge
- docs.ceph.com/en/latest/radosgw/notifications

A record that cannot be read does not affect the others. What it says about who wrote an object is
believed only of a session of the bucket's own role.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never
from urllib.parse import unquote_to_bytes

from pydantic_core import from_json

from service.access.callers import CallerEntry
from service.sessions.source import SERVICE_NAME, session_name

_AWS: Final = "aws:s3"
_PRINCIPAL: Final = "AWS"
# …/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_ROLE: Final = "AROA"
# Whether a source form-encodes its keys. Ceph and EventBridge do not.
_ENCODED: Final[Mapping[str, bool]] = {_AWS: True, "minio:s3": True, "ceph:s3": False}
_MAX_KEY_BYTES: Final = 1024  # docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_MAX_TEXT: Final = 1024  # characters of any other text: a version of S3's has up to 1,024 bytes
_DIGITS_AFTER: Final = re.compile(r"(\.\d{6})\d+")  # of a second; Python reads six
# The configured callers by the names of their sessions. None if several have the same.
Writers = Mapping[str, str | None]


class Happened(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    REMOVED = "removed"


def _names(happened: Happened) -> tuple[str, str]:
    """Return how S3's events begin, and what EventBridge calls them."""
    match happened:
        case Happened.CREATED:
            return "ObjectCreated", "Object Created"
        case Happened.REMOVED:
            return "ObjectRemoved", "Object Deleted"
        case _:
            assert_never(happened)


_KINDS: Final = {name: happened for happened in Happened for name in _names(happened)}


class NotRecords(Exception):
    """The body is none of the shapes in which stores report events."""


class TooManyFields(Exception):
    """The body has more than it may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Something that happened to an object. `s3_bucket` is the store's name.

    `region` is None where it is not compared. `name` is the event's, such as `ObjectCreated:Put`.
    `time` is as the sender wrote it, and may be made up. `principal` is who did it, as AWS names
    them.
    """

    happened: Happened
    name: str
    s3_bucket: str
    key: str
    time: str
    region: str | None = None
    size: int | None = None
    etag: str | None = None
    version_id: str | None = None
    sequencer: str | None = None
    principal: str | None = None


@dataclass(slots=True)
class Records:
    """The records that were read of a body so far. `unreadable` counts the others."""

    records: list[Record] = field(default_factory=list)
    unreadable: int = 0


class _Unreadable(Exception):
    """A record that lacks something, or has it in another form."""


def reading(body: bytes | str, max_fields: int | None = None) -> Iterator[Records]:
    """Read the events in a message of a queue, or in the body of a push, one at each step.

    All steps yield the same object, and there is one at least. A test event has no records. What
    SNS wraps is read too. Raises NotRecords at once, and TooManyFields, which counts commas: before
    it is read as JSON, also what is wrapped.
    """
    found = _json(body, max_fields)
    if found.get("Type") == "Notification" and isinstance(message := found.get("Message"), str):
        found = _json(message, max_fields)
    if isinstance(found.get("Records"), list):
        return _collect(found["Records"], _record)
    if isinstance(found.get("detail"), dict) and found.get("source") == "aws.s3":
        return _collect([found], _of_event_bridge)
    if found.get("Event") == "s3:TestEvent":
        return iter([Records()])
    raise NotRecords


def _json(text: bytes | str, max_fields: int | None) -> dict[str, Any]:
    fields = text.count(",") if isinstance(text, str) else text.count(b",")
    if max_fields is not None and fields > max_fields:
        raise TooManyFields
    try:
        found = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError):  # of what is nested too deep, and of text with a surrogate
        raise NotRecords from None
    if not isinstance(found, dict):
        raise NotRecords
    return found


def _collect(events: list[Any], read: Callable[[Any], Record | None]) -> Iterator[Records]:
    found = Records()
    yield found
    for event in events:
        try:
            record = read(event)
        except _Unreadable:
            found.unreadable += 1
        else:
            if record is not None:
                found.records.append(record)
        yield found


def _record(found: Any) -> Record | None:
    """Return a record of S3's, or None for an event that concerns no hook."""
    event, s3 = _object(found), _object(_object(found).get("s3"))
    name = _text(event, "eventName").removeprefix("s3:")
    if (happened := _KINDS.get(name.partition(":")[0])) is None:
        return None
    if (source := _text(event, "eventSource")) not in _ENCODED:
        raise _Unreadable
    of_object = _object(s3.get("object"))
    key = _text(of_object, "key", most=3 * _MAX_KEY_BYTES)
    return Record(
        happened=happened,
        name=name,
        s3_bucket=_text(_object(s3.get("bucket")), "name"),
        key=_checked(_decoded(key) if _ENCODED[source] else key),
        region=_optional(event, "awsRegion") if source == _AWS else None,
        principal=_principal(event) if source == _AWS else None,
        version_id=_optional(of_object, "versionId"),
        etag=_optional(of_object, "eTag"),
        **_time(event, "eventTime"),
        **_same(of_object),
    )


def _of_event_bridge(found: Any) -> Record | None:
    name, detail = _text(found, "detail-type"), _object(found["detail"])
    if (happened := _KINDS.get(name)) is None:
        return None
    of_object = _object(detail.get("object"))
    return Record(
        happened=happened,
        name=name,
        s3_bucket=_text(_object(detail.get("bucket")), "name"),
        key=_checked(_text(of_object, "key", most=_MAX_KEY_BYTES)),
        region=_optional(found, "region"),
        version_id=_optional(of_object, "version-id"),
        etag=_optional(of_object, "etag"),
        **_time(found, "time"),
        **_same(of_object),
    )


def _same(of_object: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has the same names in all shapes."""
    size = of_object.get("size")
    is_size = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    return {
        "size": size if is_size else None,
        "sequencer": _optional(of_object, "sequencer"),
    }


def _time(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    text = _text(event, name)
    try:
        moment = datetime.fromisoformat(_DIGITS_AFTER.sub(r"\1", text))
    except ValueError:
        raise _Unreadable from None
    if moment.tzinfo is None:
        raise _Unreadable
    return {"time": text}


def _principal(event: Mapping[str, Any]) -> str | None:
    identity = event.get("userIdentity")
    return _optional(identity, "principalId") if isinstance(identity, dict) else None


def _decoded(key: str) -> str:
    """Decode once, as a form is: a plus is a space."""
    try:
        return unquote_to_bytes(key.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise _Unreadable from None


def _checked(key: str) -> str:
    if len(key.encode()) > _MAX_KEY_BYTES:
        raise _Unreadable
    return key


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _Unreadable
    return found


def _text(found: Mapping[str, Any], name: str, *, most: int = _MAX_TEXT) -> str:
    text = found.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= most:
        raise _Unreadable
    return text


def _optional(found: Mapping[str, Any], name: str) -> str | None:
    """Return a text, or None if it is missing, empty or of another type."""
    text = found.get(name)
    return text if isinstance(text, str) and 0 < len(text) <= _MAX_TEXT else None


def writers(entries: Iterable[CallerEntry]) -> Writers:
    found = defaultdict[str, set[tuple[str | None, str]]](set)
    for entry in entries:
        if entry.subject is not None and "*" not in entry.subject:
            owner = (entry.issuer, entry.subject)
            found[session_name(owner)].add(owner)
            found[session_name(owner, vended=True)].add(owner)
    return {
        name: next(iter(owners))[1] if len(owners) == 1 else None for name, owners in found.items()
    }


def writer(principal: str | None, role_id: str | None, known: Writers) -> str | None:
    """Return the caller whose session wrote an object, or the session's name.

    `role_id` is the unique id of the bucket's own role: a session of any other role may have any
    name. The session that callers share says nothing.
    """
    role, name = _session_of(principal)
    return (known.get(name) or name) if name and role == role_id else None


def may_be_a_caller(principal: str | None) -> bool:
    """Whether `writer` could return a caller, if the role were the bucket's own."""
    role, name = _session_of(principal)
    return bool(name) and role.startswith(_ROLE)


def _session_of(principal: str | None) -> tuple[str, str]:
    """Return the role's id and the session's name, or empty texts for what is no caller's."""
    kind, _, rest = (principal or "").partition(":")
    role, _, name = rest.partition(":")
    return ("", "") if kind != _PRINCIPAL or name == SERVICE_NAME else (role, name)
