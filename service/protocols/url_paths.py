"""Reads the path of a URL as it was sent. Pure.

`scope["path"]` is decoded, so `%2F` and bytes that are not UTF-8 would be lost there.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from service.errors import InvalidRequest, NotFound

_NOT_IN_A_PATH: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})|\\")


def path_below(path: bytes, start: str) -> bytes:
    """Return what follows `start`. Raises NotFound where the router found it in encoded text."""
    if not path.startswith(start.encode()):
        raise NotFound("No such resource.")
    return path[len(start) :]


def decode(text: bytes) -> str:
    """Return the decoded text. Raises InvalidRequest unless it is percent-encoded UTF-8."""
    if _NOT_IN_A_PATH.search(text) is None:
        try:
            return unquote_to_bytes(text).decode()
        except UnicodeDecodeError:
            pass
    raise InvalidRequest("The path is not percent-encoded UTF-8.", pointer="#/key")
