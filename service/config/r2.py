"""The addresses of Cloudflare R2. Pure.

developers.cloudflare.com/r2/api/s3/temporary-credentials has what a token says.
"""

import re
from typing import Final
from urllib.parse import urlsplit

ADDRESS: Final = "https://ACCOUNT.r2.cloudflarestorage.com"
# …/r2/reference/data-location/#jurisdictional-restrictions
_HOST: Final = re.compile(r"([0-9a-f]{32})(?:\.eu|\.fedramp)?\.r2\.cloudflarestorage\.com")


def account_of(endpoint_url: str) -> str | None:
    """Return the account of an address of R2, or None for another address."""
    found = _HOST.fullmatch(urlsplit(endpoint_url).hostname or "")
    return None if found is None else found[1]


def audience(endpoint_url: str) -> str:
    """Return the `aud` of a token: the host, with its port if the address has one."""
    return urlsplit(endpoint_url).netloc.lower()
