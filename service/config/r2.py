"""What the settings of a bucket say of Cloudflare R2: the account, and what R2 has not. Pure.

developers.cloudflare.com/r2/api/s3/temporary-credentials has what a token says.
"""

import re
from collections.abc import Iterator
from typing import Final, Protocol
from urllib.parse import urlsplit

from service.config.messages import Conflict
from service.errors import FOUND

ADDRESS: Final = "https://ACCOUNT.r2.cloudflarestorage.com"
# …/r2/reference/data-location/#jurisdictional-restrictions
_HOST: Final = re.compile(r"([0-9a-f]{32})(?:\.eu|\.fedramp)?\.r2\.cloudflarestorage\.com")


class R2Bucket(Protocol):
    """What is read of the settings of a bucket."""

    @property
    def bucket(self) -> str | None: ...
    @property
    def endpoint_url(self) -> str | None: ...
    @property
    def public_endpoint_url(self) -> str | None: ...
    @property
    def sts_endpoint_url(self) -> str | None: ...
    @property
    def account_id(self) -> str | None: ...
    @property
    def access_key_id_file(self) -> object | None: ...
    @property
    def scoped_sessions(self) -> bool: ...


def account_of(endpoint_url: str) -> str | None:
    """Return the account of an address of R2, or None for another address."""
    found = _HOST.fullmatch(urlsplit(endpoint_url).hostname or "")
    return None if found is None else found[1]


def audience(endpoint_url: str) -> str:
    """Return the `aud` of a token: the host, with its port if the address has one."""
    return urlsplit(endpoint_url).netloc.lower()


def conflicts(bucket: R2Bucket) -> Iterator[Conflict]:
    """Yield what a bucket with `credentials: r2` lacks, and what R2 does not have."""
    if bucket.access_key_id_file is None:
        text = "are missing; name two files with the keys of an R2 API token"
        yield Conflict((), f"access_key_id_file and secret_access_key_file {text}")
    if bucket.endpoint_url is None:
        yield Conflict((), f"endpoint_url is missing; write the account's, such as {ADDRESS}")
    else:
        yield from _wrong_account(bucket, account_of(bucket.endpoint_url))
    if bucket.public_endpoint_url is not None:
        text = "a token of R2 is for one address; leave it out, and write that in endpoint_url"
        yield Conflict(("public_endpoint_url",), text)
    if bucket.sts_endpoint_url is not None:
        yield Conflict(("sts_endpoint_url",), "R2 has no STS, and none is called; leave it out")
    if not bucket.scoped_sessions:
        text = "each token of R2 is one caller's; leave it out, or write true"
        yield Conflict(("scoped_sessions",), f"{text} (found {FOUND})")
    if (bucket.bucket or "").startswith("arn:"):
        yield Conflict(("bucket",), f"R2 has no access points; write a name (found {FOUND})")


def _wrong_account(bucket: R2Bucket, account: str | None) -> Iterator[Conflict]:
    if account is None and bucket.account_id is None:
        text = f"endpoint_url is not {ADDRESS}, so write the account_id, 32 hexadecimal digits"
        yield Conflict((), text)
    if None not in {account, bucket.account_id} and account != bucket.account_id:
        text = "endpoint_url names another account; leave out one of the two"
        yield Conflict(("account_id",), f"{text} (found {FOUND})")
