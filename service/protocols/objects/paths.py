"""Reads a bucket and a key from the path of an object URL, as it was sent. Pure."""

from typing import Final

from service.errors import InvalidRequest
from service.protocols.url_paths import decode
from service.signing.validation import check_prefix

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
