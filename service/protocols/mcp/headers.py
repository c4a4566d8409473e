"""The headers of a message that matter, read in one pass. Pure."""

from collections.abc import Iterable
from typing import Final

VERSION: Final = b"mcp-protocol-version"
METHOD: Final = b"mcp-method"
NAME: Final = b"mcp-name"
ORIGIN: Final = b"origin"
CONTENT_TYPE: Final = b"content-type"
_ROUTING: Final = frozenset({VERSION, METHOD, NAME})
_READ: Final = _ROUTING | {ORIGIN, CONTENT_TYPE}


class SentHeaders(dict[bytes, str]):
    """The last of each. `twice` names one of MCP's that is there more than once.

    Proxies that go by the first of them would disagree with those that go by the last.
    """

    __slots__ = ("twice",)

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        super().__init__()
        self.twice: str | None = None
        for name, value in headers:
            if name in _READ:
                if name in self and name in _ROUTING:
                    self.twice = name.decode()
                self[name] = value.decode("latin-1").strip()
