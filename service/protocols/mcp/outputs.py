"""The output schemas of the tools: JSON Schema 2020-12."""

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "integer"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_TEXTS: Final[Schema] = {"type": "object", "additionalProperties": _TEXT}
_NEXT: Final[Schema] = {"type": "string", "description": "There is more: send it as cursor"}


def _object(required: str, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required.split()}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_REQUEST: Final[Mapping[str, Schema]] = {
    "method": _TEXT,
    "url": {"type": "string", "description": "A secret until expires_at"},
    "headers": {**_TEXTS, "description": "To send exactly so"},
    "expires_at": _TIME,
    "limited_by": _TEXT,
    "content_length": _NUMBER,
}
_COMMAND: Final[Schema] = {
    "type": "string",
    "description": "The same as a line of POSIX shell. FILE is yours to replace",
}
SIGNED: Final = _object("method url headers expires_at command", **_REQUEST, command=_COMMAND)
_PART: Final = _object("method url headers expires_at", **_REQUEST)
MOVE: Final = _object("copy delete command", copy=_PART, delete=_PART, command=_COMMAND)
ACCESS: Final = _object(
    "grants",
    subject=_TEXT,
    issuer=_TEXT,
    matched=_list_of({"type": "object"}),
    grants=_list_of(
        _object("bucket prefix allow", bucket=_TEXT, prefix=_TEXT, allow=_list_of(_TEXT))
    ),
)
_FILE: Final = _object("key size", key=_TEXT, size=_NUMBER, etag=_TEXT, last_modified=_TEXT)
FOUND: Final = _object("files", files=_list_of(_FILE), next_cursor=_NEXT)
LEVEL: Final = _object(
    "folders files", folders=_list_of(_TEXT), files=_list_of(_FILE), next_cursor=_NEXT
)
DESCRIBED: Final = _object(
    "bucket key size",
    bucket=_TEXT,
    key=_TEXT,
    size=_NUMBER,
    content_type=_TEXT,
    etag=_TEXT,
    version_id=_TEXT,
    checksums=_TEXTS,
    metadata=_TEXTS,
)
CREATED_LINK: Final = _object(
    "url id expires_at",
    url=_TEXT,
    id=_TEXT,
    expires_at=_TIME,
    listed={"type": "boolean"},
    limited_by=_TEXT,
)
LINKS: Final = _object(
    "links",
    links=_list_of(_object("id bucket expires_at", id=_TEXT, bucket=_TEXT, expires_at=_TIME)),
    next_cursor=_NEXT,
)
ENDED_LINK: Final = _object("id revoked", id=_TEXT, revoked={"type": "boolean"})
