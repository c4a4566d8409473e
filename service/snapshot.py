"""The configuration that stands, as the parts see it: one frozen object, replaced as a whole.

Nobody holds a part of it longer than a request, so files can be read again without touching the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from service.access.api_keys import ApiKeys
from service.access.grants import Caller, Grant
from service.signing.requests import Encryption
from service.signing.signer import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Callers know a bucket by its name in the configuration; the store knows it as `s3_bucket`."""

    s3_bucket: str
    address: Address
    encryption: Encryption | None = None
    conditional_writes: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    buckets: Mapping[str, Bucket]
    grants: Mapping[Caller, tuple[Grant, ...]]
    api_keys: ApiKeys
    default_expires_in: int
    unsafe_anonymous_caller: Caller | None = None
