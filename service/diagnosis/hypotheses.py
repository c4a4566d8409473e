"""Requests that the signature may have been made for, if it is not of the one that was sent.

Each differs from that in one thing, or in two of the likeliest. None is a guess once the HMAC has
said yes: a signature fits one request only.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain, combinations, islice
from typing import Final
from urllib.parse import unquote

from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.request import METHODS, ParsedRequest
from service.signing.actions import DEFAULT_CONTENT_TYPE
from service.signing.sigv4 import percent_encode

# What people upload, and what libraries send unasked
_COMMON_TYPES: Final = (
    DEFAULT_CONTENT_TYPE,
    *("text/plain", "application/json", "application/x-www-form-urlencoded", "binary/octet-stream"),
    *("application/pdf", "image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"),
    *("video/mp4", "audio/mpeg", "text/csv", "text/html", "application/xml", "text/xml"),
    *("application/zip", "application/gzip", "multipart/form-data"),
)
_CHARSETS: Final = ("; charset=utf-8", "; charset=UTF-8", ";charset=utf-8", ";charset=UTF-8")
_NEAR: Final = (
    64  # bytes that a length may be off: a line's end, a mark of byte order, a few letters
)
_USUAL_LIFETIMES: Final = (60, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800)
_ADDED_BY_SDKS: Final = (
    ("x-id", "GetObject"),
    ("x-id", "PutObject"),
    ("list-type", "2"),
)
_MAX_QUERIES: Final = 20
# Of each kind, how many are tried together with another kind
_PAIRED_TYPES: Final = 12
_PAIRED_LENGTHS: Final = 6  # up to 3 bytes: a line's end, a mark of byte order
_PAIRED_QUERIES: Final = 3
_PAIRED_PATHS: Final = 5
_LENGTH: Final = "content-length"

# Other ways to write a path
OtherPaths = Callable[[str], Iterable[str]]


def hypotheses(sent: ParsedRequest, place: BucketLocation | None) -> Iterator[ParsedRequest]:
    """The likeliest first."""
    filled = _filled(sent, place)
    hosts = list(_hosts(filled, place))

    @cache  # a path of 16,384 characters takes 2 ms to decode, and many hypotheses share one
    def other_paths(path: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_other_paths(path, place)))

    return chain(
        [filled],
        _methods(filled),
        hosts,
        _types(filled),
        _paths(filled, other_paths),
        islice(_queries(filled), _MAX_QUERIES),
        _regions(filled, place),
        _lengths(filled),
        (path for host in hosts for path in _paths(host, other_paths)),
        _pairs(filled, place, other_paths),
    )


def _pairs(
    sent: ParsedRequest, place: BucketLocation | None, other_paths: OtherPaths
) -> Iterator[ParsedRequest]:
    """Two things changed at once: a library that adds a charset also ends a text with another line's end."""
    kinds: tuple[Callable[[ParsedRequest], Iterable[ParsedRequest]], ...] = (
        lambda each: islice(_types(each), _PAIRED_TYPES),
        _methods,
        lambda each: islice(_lengths(each), _PAIRED_LENGTHS),
        lambda each: islice(_queries(each), _PAIRED_QUERIES),
        lambda each: islice(_paths(each, other_paths), _PAIRED_PATHS),
        lambda each: _hosts(each, place),
    )
    for first, second in combinations(kinds, 2):
        for each in first(sent):
            yield from second(each)


def _filled(sent: ParsedRequest, place: BucketLocation | None) -> ParsedRequest:
    """With what this service would have signed where the sender tells nothing."""
    encryption = {} if place is None or place.encryption is None else place.encryption.headers()
    usual = {"if-none-match": "*", "content-type": DEFAULT_CONTENT_TYPE, **encryption}
    missing = {name: usual[name] for name in sent.missing_headers if name in usual}
    return replace(sent, headers={**(sent.headers or {}), **missing}) if missing else sent


def _methods(sent: ParsedRequest) -> Iterator[ParsedRequest]:
    return (replace(sent, method=method) for method in METHODS if method != sent.method)


def _hosts(sent: ParsedRequest, place: BucketLocation | None) -> Iterator[ParsedRequest]:
    bare = sent.host.rpartition(":")[0]
    for host in dict.fromkeys([*(() if place is None else place.hosts), bare]):
        if host and host != sent.host:
            yield replace(sent, host=host)


def _types(sent: ParsedRequest) -> Iterator[ParsedRequest]:
    sent_type = sent.header("content-type")
    if sent_type is None or "content-type" not in sent.signed_headers:
        return
    bare = sent_type.partition(";")[0].strip()
    likely = [bare, *(f"{bare}{charset}" for charset in _CHARSETS), bare.lower(), *_COMMON_TYPES]
    likely += [f"text/plain{charset}" for charset in _CHARSETS[:2]]
    for each in dict.fromkeys(likely):
        if each and each != sent_type:
            yield _with_header(sent, "content-type", each)


def _lengths(sent: ParsedRequest) -> Iterator[ParsedRequest]:
    told = sent.header(_LENGTH) or ""
    if _LENGTH not in sent.signed_headers or not told.isdecimal() or len(told) > 15:
        return
    length = int(told)
    for distance in range(1, _NEAR + 1):
        for near in (length - distance, length + distance):
            if near >= 0:
                yield _with_header(sent, _LENGTH, str(near))


def _paths(sent: ParsedRequest, other_paths: OtherPaths) -> Iterator[ParsedRequest]:
    for path in other_paths(sent.path):
        if path != sent.path and path.startswith("/"):
            yield replace(sent, path=path)


def _other_paths(path: str, place: BucketLocation | None) -> Iterable[str]:
    """Encoded once too often or too seldom first, then what people and proxies do to a path."""
    yield unquote(path)
    yield percent_encode(path, safe="/")
    yield path.replace("+", " ")
    yield path.replace(" ", "+")
    yield path.replace("%2F", "/").replace("%2f", "/")
    yield unicodedata.normalize("NFC", path)
    yield unicodedata.normalize("NFD", path)
    if place is not None:
        bucket = f"/{place.s3_bucket}"
        yield bucket + path
        yield path.removeprefix(bucket)
        yield place.address.path_prefix + path[1:]
    yield path.rstrip("/")
    yield f"{path}/"
    yield path.replace("//", "/")
    yield path.lower()


def _queries(sent: ParsedRequest) -> Iterator[ParsedRequest]:
    own = [pair for pair in sent.parameters if not pair[0].lower().startswith("x-amz-")]
    for added in (sent.strange_parameters, own):
        if added:
            yield replace(sent, parameters=_without(sent, added))
    for pair in own:
        yield replace(sent, parameters=_without(sent, [pair]))
    for name, value in own:
        if " " in value:  # a `+` that stores read as a space
            pairs = tuple((n, v.replace(" ", "+") if n == name else v) for n, v in sent.parameters)
            yield replace(sent, parameters=pairs)
    for pair in _ADDED_BY_SDKS:
        if pair not in sent.parameters:
            yield replace(sent, parameters=(*sent.parameters, pair))
    for seconds in _USUAL_LIFETIMES:
        yield sent.with_parameter("x-amz-expires", str(seconds))


def _regions(sent: ParsedRequest, place: BucketLocation | None) -> Iterator[ParsedRequest]:
    if place is None or sent.scope is None or sent.scope[2] == place.address.region:
        return
    key_id, date, _, service = sent.scope
    credential = f"{key_id}/{date}/{place.address.region}/{service}/aws4_request"
    yield sent.with_parameter("x-amz-credential", credential)


def _without(sent: ParsedRequest, pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in sent.parameters if pair not in pairs)


def _with_header(sent: ParsedRequest, name: str, value: str) -> ParsedRequest:
    return replace(sent, headers={**(sent.headers or {}), name: value})
