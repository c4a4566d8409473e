"""Reads a bucket and a key from the path of an object URL. Pure.

The path is read as it was sent: `scope["path"]` is decoded, so `%2F` and bytes that are not UTF-8
would be lost.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from service.errors import InvalidRequest
from service.signing.validation import check_prefix

_NOT_IN_A_PATH: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})|\\")
_LONGEST_BUCKET: Final = 255  # as in the calls of `/v1`


def bucket_and_key(path: bytes) -> tuple[str, str]:
    """Return what follows `/o/` as a bucket and a key, decoded once. The key may be empty.

    Raises InvalidRequest for a key that no URL can name, a bucket's name that is too long, and a
    path that is not UTF-8.
    """
    bucket, _, key = path.partition(b"/")
    name, prefix = decode(bucket), decode(key)
    if len(name) > _LONGEST_BUCKET:  # it would make the audit line too long for log collectors
        raise InvalidRequest(f"A bucket's name has at most {_LONGEST_BUCKET} characters.")
    check_prefix(prefix, pointer="#/key")
    return name, prefix


def decode(text: bytes) -> str:
    """Raises InvalidRequest for what is not percent-encoded UTF-8."""
    if _NOT_IN_A_PATH.search(text) is None:
        try:
            return unquote_to_bytes(text).decode()
        except UnicodeDecodeError:
            pass
    raise InvalidRequest("The path is not percent-encoded UTF-8.", pointer="#/key")
