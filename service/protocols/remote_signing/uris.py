"""Reads the URI of a request that is to be signed. Pure.

The URI is signed as it was received, and judged decoded. So it is refused unless both agree: its
path and its query must be what SigV4's own encoding makes of the decoded text.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self
from urllib.parse import unquote

from service.errors import InvalidRequest
from service.signing.signer import Address
from service.signing.sigv4 import percent_encode
from service.signing.validation import CONTROL, PLAIN_KEY, check_key

MAX_URI_LENGTH: Final = 16_384  # a key of 1,024 bytes, and a continuation token, all encoded
_URI: Final = re.compile(r"(https?://([A-Za-z0-9.:\[\]-]+))(/[^?#]*)?(?:\?([^#]*))?")
_NOT_ENCODED: Final = (
    "Percent-encode the URI as SigV4 does: all but A-Z a-z 0-9 - . _ ~ and slashes."
)


class Place(NamedTuple):
    """Where a bucket is. `path_prefix` starts and ends with `/`."""

    origin: str
    path_prefix: str


def places(address: Address, s3_bucket: str, *, is_scoped: bool) -> tuple[Place, ...]:
    """Return where requests for a bucket go: its public and its internal address.

    Of a bucket with scoped sessions also the same addresses in the other style. A store without
    virtual hosts takes the path of one for a bucket and a key, so `/other/key` would be in bucket
    `other`: only the session's policy stops that.
    """
    found = [address, *([] if address.inner is None else [address.inner])]
    if is_scoped:
        found += [other for each in found if (other := _in_other_style(each, s3_bucket))]
    return tuple(Place(each.origin, each.path_prefix) for each in found)


def _in_other_style(address: Address, s3_bucket: str) -> Address | None:
    if address.host.startswith(f"{s3_bucket}."):
        host, prefix = (
            address.host.removeprefix(f"{s3_bucket}."),
            f"{address.path_prefix}{s3_bucket}/",
        )
    elif address.path_prefix.endswith(f"/{s3_bucket}/"):
        host, prefix = (
            f"{s3_bucket}.{address.host}",
            address.path_prefix.removesuffix(f"{s3_bucket}/"),
        )
    else:
        return None  # an access point
    return Address(scheme=address.scheme, host=host, path_prefix=prefix, region=address.region)


@dataclass(slots=True)
class SplitUri:
    """A URI in its parts, as they were received."""

    origin: str
    host: str
    path: str
    query: str | None = field(repr=False)

    @classmethod
    def of(cls, uri: str) -> Self:
        """Raises InvalidRequest for what is no http or https URI, and for a user or a fragment."""
        if (found := _URI.fullmatch(uri)) is None:
            raise InvalidRequest("The URI must be http or https, without user and fragment.")
        origin, host, path, query = found.groups()
        return cls(origin, host, path or "/", query)

    def is_at(self, place: Place) -> bool:
        return self.origin == place.origin and f"{self.path}/".startswith(place.path_prefix)


@dataclass(slots=True, kw_only=True)
class S3Uri:
    """`path` is as received, `query` is canonical; `key` and `parameters` are decoded.

    Without a key it is the bucket's.
    """

    host: str
    path: str
    key: str
    query: str
    parameters: dict[str, str] = field(repr=False)


def read_uri(split: SplitUri, place: Place) -> S3Uri:
    """Raises InvalidRequest for a key or a query that another reader may take for another."""
    key = _decoded(split.path[len(place.path_prefix) :], "/")
    if "//" in split.path:
        raise InvalidRequest("Two slashes in a row are not signed: some stores take them for one.")
    if key:
        check_key(key)
    pairs = [] if split.query is None else [each.partition("=") for each in split.query.split("&")]
    parameters = {_decoded(name): _decoded(value) for name, _, value in pairs}
    if len(parameters) < len(pairs):
        raise InvalidRequest("A query parameter is given more than once.")
    return S3Uri(
        host=split.host,
        path=split.path,
        key=key,
        query="&".join(f"{name}={value}" for name, _, value in sorted(pairs)),
        parameters=parameters,
    )


def decode(encoded: str, safe: str = "") -> str | None:
    """Return the text that SigV4 encodes so, except for `safe`; None if it would be encoded
    otherwise.
    """
    if PLAIN_KEY.fullmatch(encoded) is not None and (safe or "/" not in encoded):
        return encoded
    try:
        text = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        return None
    is_printable = CONTROL.search(text) is None
    return text if is_printable and percent_encode(text, safe) == encoded else None


def _decoded(encoded: str, safe: str = "") -> str:
    if (text := decode(encoded, safe)) is None:
        raise InvalidRequest(_NOT_ENCODED)
    return text
