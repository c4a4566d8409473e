"""An object's own metadata: names and values that S3 accepts, and that proxies pass on unchanged."""

import re
from typing import Final

from service.errors import InvalidRequest
from service.signing.validation import check_header_value

Pairs = tuple[tuple[str, str], ...]

# docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html: names and values, in UTF-8
MAX_METADATA_BYTES: Final = 2048

# A subset of what a header's name may have: proxies pass it on, and stores keep it unchanged.
_METADATA_NAME = re.compile("[a-z0-9_-]+")
# MinIO, RustFS and their forks act on such metadata. With `snowball-auto-extract` they unpack the
# body as an archive, into keys that the archive chooses: minio/minio, cmd/api-router.go.
_RESERVED_WORD: Final = "snowball"
_RESERVED_PREFIXES: Final = ("minio-", "rustfs-")


def check_metadata(metadata: Pairs) -> None:
    """Raises InvalidRequest unless S3 accepts these pairs, and proxies pass them on unchanged."""
    if sum(len(name) + len(value) for name, value in metadata) > MAX_METADATA_BYTES:
        detail = f"At most {MAX_METADATA_BYTES} bytes of names and values are allowed."
        raise InvalidRequest(detail, pointer="#/metadata")
    for name, value in metadata:
        _check_metadata_name(name)
        # The caller chose the name. A long one is not repeated.
        check_header_value(value, pointer=f"#/metadata/{name}" if len(name) <= 64 else "#/metadata")


def _check_metadata_name(name: str) -> None:
    if _METADATA_NAME.fullmatch(name) is None:
        detail = "A metadata name can only have lower-case letters, digits, `-` and `_`."
        raise InvalidRequest(detail, pointer="#/metadata")
    # A proxy may turn `_` into `-`.
    if _RESERVED_WORD in name or name.replace("_", "-").startswith(_RESERVED_PREFIXES):
        detail = (
            f"A metadata name must not contain `{_RESERVED_WORD}`, or start with `minio-` or "
            "`rustfs-`: some stores act on such names."
        )
        raise InvalidRequest(detail, pointer="#/metadata")
