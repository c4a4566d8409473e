"""What a program must fix: an error of JSON-RPC. What an agent can fix is a tool's result."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from service.errors import InvalidRequest, NotFound

PARSE_ERROR: Final = -32700
INVALID_MESSAGE: Final = -32600
UNKNOWN_METHOD: Final = -32601
INVALID_PARAMS: Final = -32602
SERVER_ERROR: Final = -32000  # jsonrpc.org/specification, 5.1: for the implementation's own
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022


class MessageError(InvalidRequest):
    """A message that is wrong as a message. `number` is its code in JSON-RPC."""

    def __init__(self, number: int, detail: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.number = number
        self.data = data or {}


class UnknownTool(NotFound):
    """A tool that is not there, or not for this caller."""

    code: ClassVar[str] = "unknown_tool"

    def __init__(self) -> None:
        super().__init__("There is no such tool, or your grants do not allow what it needs.")


class WrongArguments(InvalidRequest):
    """What does not match a tool's schema. Its pointers name arguments, not fields of `/v1`."""


class NotAcceptable(InvalidRequest):
    """`Accept` excludes JSON."""
