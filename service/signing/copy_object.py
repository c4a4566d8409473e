"""CopyObject: a PUT without a body, which the store fills from another object.

docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html. The copy keeps the source's type,
metadata and tags. The source is a signed header, written as botocore writes it.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from service.errors import InvalidRequest
from service.signing.actions import Encryption, S3Action
from service.signing.sigv4 import percent_encode
from service.signing.validation import check_header_value, check_key

COPY_SOURCE: Final = "x-amz-copy-source"
# It is sent as it is, so it has no character that ends a query.
_VERSION_ID: Final = re.compile("[A-Za-z0-9+/=._~-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySource:
    """The object that is copied.

    `bucket` is its name in the configuration, and its name at the store once the copy is granted.
    With `etag`, which has quotes, the store copies no other content.
    """

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None

    def __post_init__(self) -> None:
        check_key(self.key, pointer="#/source/key")
        if self.version_id is not None and _VERSION_ID.fullmatch(self.version_id) is None:
            detail = "A version has letters, digits and `+/=._~-` only."
            raise InvalidRequest(detail, pointer="#/source/version_id")
        if self.etag is not None:
            check_header_value(self.etag, pointer="#/source/etag")

    def headers(self) -> dict[str, str]:
        version = "" if self.version_id is None else f"?versionId={self.version_id}"
        headers = {COPY_SOURCE: f"{self.bucket}/{percent_encode(self.key, safe='/')}{version}"}
        if self.etag is not None:
            headers[f"{COPY_SOURCE}-if-match"] = self.etag
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyObject(S3Action):
    """Create-only unless `overwrite`."""

    METHOD: ClassVar = "PUT"

    source: CopySource
    overwrite: bool = False
    encryption: Encryption | None = None

    def headers(self) -> dict[str, str]:
        headers = self.source.headers()
        if not self.overwrite:
            headers["if-none-match"] = "*"
        if self.encryption is not None:
            headers |= self.encryption.headers()
        return headers
