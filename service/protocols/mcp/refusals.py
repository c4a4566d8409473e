"""Refusals: as a tool's result if the agent can fix them, else as an error of JSON-RPC."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import to_json
from starlette.responses import Response

from service.api.problems import refused, status_of
from service.errors import (
    BodyTooLarge,
    Forbidden,
    LimitExceeded,
    PresignError,
    RateLimited,
    StorageRefused,
    UnsupportedMediaType,
)
from service.protocols.mcp.errors import (
    INVALID_PARAMS,
    SERVER_ERROR,
    UNKNOWN_METHOD,
    MessageError,
    NotAcceptable,
    UnknownTool,
    WrongArguments,
)
from service.protocols.mcp.messages import Sent
from service.protocols.mcp.rights import NEEDS

_JSON: Final = "application/json"
# How the tools name what `/v1` names otherwise, and those that have a target
_TARGET: Final = {"#/key": "to_key", "#/bucket": "to_bucket"}
_WITH_TARGET: Final = frozenset({"sign_copy", "sign_move"})
_ARGUMENTS: Final = {
    "#/content_length": "size",
    "#/checksum/value": "sha256",
    "#/checksum": "sha256",
    "#/source/key": "key",
    "#/source": "key",
    "#/source/bucket": "bucket",
}


def tool_error(error: PresignError, tool: str, request_id: str) -> dict[str, Any]:
    """Return the result of a tool that tells the agent what to do."""
    code = _code(error)
    text = f"{code}: {' '.join(_sentences(error, tool))}"
    return {
        "content": [{"type": "text", "text": text}],
        "isError": True,
        "_meta": {"presign/code": code, "presign/request_id": request_id},
    }


def refusal(error: PresignError, sent: Sent | None, request_id: str) -> Response:
    """Return what a program must fix. `sent` is the message, if it could be read."""
    number = _number(error)
    data = {"request_id": request_id}
    if isinstance(error, MessageError):
        data = {**error.data, **data}
    else:
        data["code"] = error.code
    message_id = None if sent is None else sent.id
    body = to_json(
        {
            "jsonrpc": "2.0",
            "id": message_id,
            "error": {"code": number, "message": error.sentence(), "data": data},
        }
    )
    return refused(error, body, _JSON, status=_status(error, number, sent))


def _number(error: PresignError) -> int:
    match error:
        case MessageError():
            return error.number
        case UnknownTool():
            return INVALID_PARAMS
    return SERVER_ERROR


def _status(error: PresignError, number: int, sent: Sent | None) -> int:
    match error:
        case MessageError() | UnknownTool():
            # A 404 meant before 2026-07-28 that a session has ended.
            is_older = sent is not None and not sent.is_latest
            if is_older and number in {INVALID_PARAMS, UNKNOWN_METHOD}:
                return 200
            return 404 if number == UNKNOWN_METHOD else 400
        case NotAcceptable():
            return 406
    return status_of(error)


def _code(error: PresignError) -> str:
    match error:
        case LimitExceeded() | BodyTooLarge() if "#/content_length" in error.pointers:
            return "content_too_large"
        case LimitExceeded() if "#/content_type" in error.pointers:
            return "unsupported_content_type"
        case UnsupportedMediaType():
            return "unsupported_content_type"
    return error.code


def _sentences(error: PresignError, tool: str) -> Iterator[str]:
    """Yield what is wrong, and what to do. Nothing of it repeats what the agent sent."""
    match error:
        case Forbidden():
            yield f"None of your grants allows {_needed(tool)} on this name."
            yield "show_access has what you may do, and where."
            return
        case RateLimited():
            yield error.detail
            if error.retry_after is not None:
                yield f"Wait {error.retry_after} s."
            return
        case StorageRefused():
            yield f"{error.detail} Trying again does not help."
            return
    if not error.pointers:
        yield error.detail
    names = _ARGUMENTS | _TARGET if tool in _WITH_TARGET else _ARGUMENTS
    if isinstance(error, WrongArguments):
        names = {}
    for pointer, detail in error.pointers.items():
        argument = names.get(pointer, pointer.removeprefix("#/").removeprefix("#"))
        yield f"`{argument}`: {detail}" if argument else detail


def _needed(tool: str) -> str:
    alternatives = ([f"`{operation}`" for operation in sorted(needed)] for needed in NEEDS[tool])
    return " or ".join(map(" and ".join, alternatives))
