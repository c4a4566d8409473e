"""`Content-Disposition` with a file name, by RFC 6266 and RFC 8187.

A plain `filename` in ASCII serves old clients; `filename*` carries the name itself in UTF-8,
and wins where it is understood.
"""

import re
from typing import Literal
from urllib.parse import quote

from service.errors import InvalidRequest
from service.signing.validation import CONTROL

Disposition = Literal["attachment", "inline"]

# Neither what is not ASCII, nor what ends or escapes a quoted string, nor % (some browsers decode it)
_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')
_ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1: safe in an extended value, beside letters and digits


def content_disposition(disposition: Disposition, filename: str | None) -> str:
    if filename is None:
        return disposition
    if CONTROL.search(filename):
        raise InvalidRequest("A file name has no control characters.", pointer="#/filename")
    plain = _NOT_PLAIN.sub("_", filename)
    value = f'{disposition}; filename="{plain}"'
    return value if plain == filename else f"{value}; filename*=UTF-8''{_extended(filename)}"


def _extended(filename: str) -> str:
    return quote(filename, safe=_ATTR_CHAR)
