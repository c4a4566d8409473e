"""Reads one message of JSON-RPC, and which revision of MCP it is of.

modelcontextprotocol.io/specification: 2026-07-28 "Streamable HTTP", and 2025-11-25.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from service.protocols.mcp.errors import (
    HEADER_MISMATCH,
    INVALID_MESSAGE,
    INVALID_PARAMS,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    MessageError,
)
from service.protocols.mcp.headers import METHOD, NAME, VERSION, SentHeaders
from service.protocols.mcp.visible import cut

LATEST: Final = "2026-07-28"
SESSIONLESS: Final = ("2025-11-25", "2025-06-18")  # without a session, too, as we speak them
SUPPORTED: Final = (LATEST, *SESSIONLESS)
_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
_ENCODED: Final = re.compile(r"=\?base64\?(.*)\?=")
_TEXT: Final = 60  # characters of a stranger's text in a message
_AGENT: Final = 80
_LARGEST_ID: Final = 2**53  # which JavaScript keeps: larger ones would come back as others
_NO_REQUEST: Final = (
    'A request has `jsonrpc: "2.0"`, a `method`, and a text or a whole number of at most 2^53 as '
    "its `id`."
)

MessageId = str | int
M = TypeVar("M", bound=BaseModel)


class _Params(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class InitializeParams(_Params):
    protocol_version: str = Field(alias="protocolVersion")
    capabilities: dict[str, Any]
    client_info: dict[str, Any] = Field(alias="clientInfo")


class CallParams(_Params):
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class ListParams(_Params):
    cursor: str | None = None


@dataclass(slots=True)
class Sent:
    """The body of a request as JSON: an object. `id` is None if it has no valid one."""

    members: Mapping[str, Any]
    id: MessageId | None
    meta: Mapping[str, Any]
    is_latest: bool


@dataclass(slots=True, kw_only=True)
class Message:
    """A request. `agent` is what the client says of itself, which anybody may write."""

    id: MessageId
    method: str
    params: Mapping[str, Any]
    is_latest: bool
    agent: str | None = None


def read(body: bytes, headers: SentHeaders) -> Sent:
    """Raises MessageError for what is no JSON, or no object."""
    try:
        members = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise MessageError(PARSE_ERROR, "The body is not JSON in UTF-8.") from None
    if not isinstance(members, dict):
        raise MessageError(INVALID_MESSAGE, "Send one request or notification, not a list.")
    params, sent_id = members.get("params"), members.get("id")
    meta = params.get("_meta") if isinstance(params, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    is_latest = headers.get(VERSION) == LATEST or meta.get(_VERSION) == LATEST
    return Sent(members, sent_id if _is_id(sent_id) else None, meta, is_latest)


def message_of(sent: Sent, headers: SentHeaders) -> Message | None:
    """Return the request, or None for a notification. Raises MessageError."""
    members, method = sent.members, sent.members.get("method")
    is_request = "id" in members
    if (
        members.get("jsonrpc") != "2.0"
        or not isinstance(method, str)
        or (is_request and sent.id is None)
    ):
        raise MessageError(INVALID_MESSAGE, _NO_REQUEST)
    if (twice := headers.twice) is not None:
        raise MessageError(HEADER_MISMATCH, f"The header {twice} is there more than once.")
    _refuse_unknown_version(headers.get(VERSION), sent.meta)
    if not is_request or sent.id is None:
        return None
    params = members.get("params", {})
    if not isinstance(params, dict):
        raise MessageError(INVALID_PARAMS, "`params` must be an object.")
    message = Message(id=sent.id, method=method, params=params, is_latest=sent.is_latest)
    if sent.is_latest:
        _check_latest(sent.meta, headers)
        message.agent = agent_of(sent.meta.get(_CLIENT))
    _check_routing(message, headers)
    return message


def params_of(model: type[M], message: Message) -> M:
    """Raises MessageError."""
    try:
        return model.model_validate(message.params)
    except ValidationError as error:
        at = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
        detail = f"`params.{at}` is missing or of a wrong type."
        raise MessageError(INVALID_PARAMS, detail) from None


def _is_id(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return -_LARGEST_ID <= value <= _LARGEST_ID
    return isinstance(value, str)


def _refuse_unknown_version(header: str | None, meta: Mapping[str, Any]) -> None:
    sent = meta.get(_VERSION) if header is None else header
    if isinstance(sent, str) and sent not in SUPPORTED:
        data = {"supported": [*SUPPORTED], "requested": cut(sent, _TEXT)}
        detail = "This revision of MCP is not supported."
        raise MessageError(UNSUPPORTED_VERSION, detail, data)


def _check_latest(meta: Mapping[str, Any], headers: SentHeaders) -> None:
    """Check what each message of the latest revision has."""
    version = meta.get(_VERSION)
    if not isinstance(version, str) or not isinstance(meta.get(_CAPABILITIES), dict):
        detail = f"`params._meta` needs {_VERSION}, a text, and {_CAPABILITIES}, an object."
        raise MessageError(INVALID_PARAMS, detail)
    _compare(headers, VERSION, version)


def _check_routing(message: Message, headers: SentHeaders) -> None:
    """Check the headers that gateways filter by.

    Older clients need not send them. If they do, an older message must not pass by a gateway.
    """
    if message.is_latest or METHOD in headers:
        _compare(headers, METHOD, message.method)
    if message.method == "tools/call" and (message.is_latest or NAME in headers):
        name = message.params.get("name")
        if isinstance(name, str):
            _compare(headers, NAME, name)


def _compare(headers: SentHeaders, header: bytes, value: str) -> None:
    sent = headers.get(header)
    if sent != value and _decoded(sent, header) != value:
        detail = f"The header {header.decode()} is missing, or differs from the body."
        raise MessageError(HEADER_MISMATCH, detail)


def _decoded(value: str | None, header: bytes) -> str | None:
    """Return a header's text, which may be base64 of UTF-8 in `=?base64?…?=`."""
    if value is None or (match := _ENCODED.fullmatch(value)) is None:
        return value
    try:
        return base64.b64decode(match[1], validate=True).decode()
    except ValueError:
        detail = f"The header {header.decode()} is not base64 of UTF-8."
        raise MessageError(HEADER_MISMATCH, detail) from None


def agent_of(client: object) -> str | None:
    """Return what a client says of itself, cut."""
    if not isinstance(client, dict):
        return None
    said = (client.get("name"), client.get("version"))
    return cut(" ".join([each for each in said if isinstance(each, str)]).strip(), _AGENT) or None
