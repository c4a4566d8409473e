"""`Content-Disposition` with a file name, by RFC 6266 and RFC 8187.

Old clients read `filename`, which is ASCII. Others prefer `filename*`, the exact name in UTF-8.
"""

import re
from typing import Literal
from urllib.parse import quote

from service.errors import InvalidRequest
from service.signing.validation import CONTROL

Disposition = Literal["attachment", "inline"]

# Not ASCII, or ends or escapes a quoted string, or % (which some browsers decode)
_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')
_ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1: safe in an extended value, like letters and digits


def content_disposition(disposition: Disposition, filename: str | None) -> str:
    if filename is None:
        return disposition
    if CONTROL.search(filename):
        raise InvalidRequest("A file name cannot have control characters.", pointer="#/filename")
    plain = _NOT_PLAIN.sub("_", filename)
    value = f'{disposition}; filename="{plain}"'
    extended = quote(filename, safe=_ATTR_CHAR)
    return value if plain == filename else f"{value}; filename*=UTF-8''{extended}"
