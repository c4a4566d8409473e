"""Reads the URI of a request that is to be signed. Pure.

The URI is signed as it was received, but the decision is about its decoded form. So it is refused
unless both agree: its path and query must be what SigV4's encoding makes of the decoded text.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import unquote

from service.errors import InvalidRequest
from service.signing.signer import Address
from service.signing.sigv4 import percent_encode
from service.signing.validation import CONTROL, check_key, is_plain

MAX_URI_LENGTH: Final = 16_384  # a key of 1,024 bytes, and a continuation token, all encoded
_NOT_ENCODED: Final = (
    "Percent-encode the URI as SigV4 does: all but A-Z a-z 0-9 - . _ ~ and slashes."
)


class UriPrefix(NamedTuple):
    """The start of all URIs in a bucket, at one of its addresses. `uri` ends in `path`.

    Both end in a slash. So no URI with a user, another port or another bucket begins so.
    """

    uri: str
    host: str
    path: str


def uri_prefixes(address: Address, s3_bucket: str, *, is_scoped: bool) -> tuple[UriPrefix, ...]:
    """Return where requests for a bucket go: its public and its internal address.

    Of a bucket with scoped sessions also the same addresses in the other style. A store without
    virtual hosts takes the path of one for a bucket and a key, so `/other/key` would be in bucket
    `other`: only the session's policy stops that.
    """
    found = [address, *([] if address.internal is None else [address.internal])]
    if is_scoped:
        found += [other for own in found if (other := _in_other_style(own, s3_bucket))]
    return tuple(
        UriPrefix(f"{address.origin}{address.path_prefix}", address.host, address.path_prefix)
        for address in found
    )


def _in_other_style(address: Address, s3_bucket: str) -> Address | None:
    own, host, prefix = f"{s3_bucket}/", address.host, address.path_prefix
    if prefix.endswith(f"/{own}"):  # first: such a host may begin with the bucket's name too
        host, prefix = f"{s3_bucket}.{host}", prefix.removesuffix(own)
    elif host.startswith(f"{s3_bucket}."):
        host, prefix = host.removeprefix(f"{s3_bucket}."), f"{prefix}{own}"
    else:
        return None  # an access point
    return Address(scheme=address.scheme, host=host, path_prefix=prefix, region=address.region)


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


def find_prefix(uri: str, prefixes: Iterable[UriPrefix]) -> UriPrefix | None:
    """Return the prefix that a URI has. That of the bucket may be without its last slash."""
    for prefix in prefixes:
        if uri.startswith(prefix.uri) or f"{uri.partition('?')[0]}/" == prefix.uri:
            return prefix
    return None


def read_uri(uri: str, prefix: UriPrefix) -> S3Uri:
    """Raises InvalidRequest for a key or a query that another reader may take for another."""
    before, mark, query = uri.partition("?")
    encoded = before[len(prefix.uri) :]
    key = encoded
    if not is_plain(encoded):
        key = _decoded(encoded, "/")
        check_key(key)
    # The prefix of the bucket may be without its last slash.
    root = prefix.path.rstrip("/") or "/"
    path = f"{prefix.path}{encoded}" if len(before) >= len(prefix.uri) else root
    if "//" in path:
        raise InvalidRequest("Two slashes in a row are not signed: some stores take them for one.")
    parameters: dict[str, str] = {}
    if mark:
        pairs = sorted(pair.partition("=") for pair in query.split("&"))
        parameters = {_decoded(name): _decoded(value) for name, _, value in pairs}
        if len(parameters) < len(pairs):
            raise InvalidRequest("A query parameter is given more than once.")
        query = "&".join(f"{name}={value}" for name, _, value in pairs)
    return S3Uri(host=prefix.host, path=path, key=key, query=query, parameters=parameters)


def decode(encoded: str, safe: str = "") -> str | None:
    """Return the text that SigV4 encodes so, except for `safe`; None if it would be encoded
    otherwise.
    """
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
