"""Requests that the signature may have been made for, if it does not match the one that was sent.

Each differs in one thing, or in two of the likeliest. Once the HMAC matches, a hypothesis is no
longer a guess: a signature matches one request only.
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

# What people upload, and what libraries send by default
_COMMON_TYPES: Final = (
    DEFAULT_CONTENT_TYPE,
    *("text/plain", "application/json", "application/x-www-form-urlencoded", "binary/octet-stream"),
    *("application/pdf", "image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"),
    *("video/mp4", "audio/mpeg", "text/csv", "text/html", "application/xml", "text/xml"),
    *("application/zip", "application/gzip", "multipart/form-data"),
)
_CHARSETS: Final = ("; charset=utf-8", "; charset=UTF-8", ";charset=utf-8", ";charset=UTF-8")
_MAX_LENGTH_ERROR: Final = 64  # bytes: a line end, a byte order mark, a few letters
_COMMON_LIFETIMES: Final = (60, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800)
_ADDED_BY_SDKS: Final = (("x-id", "GetObject"), ("x-id", "PutObject"), ("list-type", "2"))
_MAX_QUERIES: Final = 20
_LENGTH: Final = "content-length"

OtherPaths = Callable[[str], Iterable[str]]


def hypotheses(request: ParsedRequest, location: BucketLocation | None) -> Iterator[ParsedRequest]:
    """The likeliest first."""
    completed = _with_our_headers(request, location)
    hosts = list(_hosts(completed, location))

    @cache  # a path of 16,384 characters takes 2 ms to decode, and many hypotheses share one
    def other_paths(path: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_other_paths(path, location)))

    return chain(
        [completed],
        _methods(completed),
        hosts,
        _types(completed),
        _paths(completed, other_paths),
        islice(_queries(completed), _MAX_QUERIES),
        _regions(completed, location),
        _lengths(completed),
        (path for host in hosts for path in _paths(host, other_paths)),
        _pairs(completed, location, other_paths),
    )


def _pairs(
    request: ParsedRequest, location: BucketLocation | None, other_paths: OtherPaths
) -> Iterator[ParsedRequest]:
    """Two changes at once: a library may add a charset and change line ends too."""
    kinds: tuple[Callable[[ParsedRequest], Iterable[ParsedRequest]], ...] = (
        lambda each: islice(_types(each), 12),
        _methods,
        lambda each: islice(_lengths(each), 6),  # up to 3 bytes: a line end, a byte order mark
        lambda each: islice(_queries(each), 3),
        lambda each: islice(_paths(each, other_paths), 5),
        lambda each: _hosts(each, location),
    )
    for first, second in combinations(kinds, 2):
        for changed in first(request):
            yield from second(changed)


def _with_our_headers(request: ParsedRequest, location: BucketLocation | None) -> ParsedRequest:
    """Adds what this service would have signed for headers that are not reported."""
    ours = {"if-none-match": "*", "content-type": DEFAULT_CONTENT_TYPE}
    if location is not None and location.encryption is not None:
        ours |= location.encryption.headers()
    missing = {name: ours[name] for name in request.missing_headers if name in ours}
    return replace(request, headers={**(request.headers or {}), **missing}) if missing else request


def _methods(request: ParsedRequest) -> Iterator[ParsedRequest]:
    return (replace(request, method=method) for method in METHODS if method != request.method)


def _hosts(request: ParsedRequest, location: BucketLocation | None) -> Iterator[ParsedRequest]:
    without_port = request.host.rpartition(":")[0]
    for host in dict.fromkeys([*(() if location is None else location.hosts), without_port]):
        if host and host != request.host:
            yield replace(request, host=host)


def _types(request: ParsedRequest) -> Iterator[ParsedRequest]:
    sent = request.header("content-type")
    if sent is None or "content-type" not in request.signed_headers:
        return
    bare = sent.partition(";")[0].strip()
    likely = [bare, *(f"{bare}{charset}" for charset in _CHARSETS), bare.lower(), *_COMMON_TYPES]
    likely += [f"text/plain{charset}" for charset in _CHARSETS[:2]]
    for content_type in dict.fromkeys(likely):
        if content_type and content_type != sent:
            yield request.with_header("content-type", content_type)


def _lengths(request: ParsedRequest) -> Iterator[ParsedRequest]:
    sent = request.header(_LENGTH) or ""
    if _LENGTH not in request.signed_headers or not sent.isdecimal() or len(sent) > 15:
        return
    for error in range(1, _MAX_LENGTH_ERROR + 1):
        for length in (int(sent) - error, int(sent) + error):
            if length >= 0:
                yield request.with_header(_LENGTH, str(length))


def _paths(request: ParsedRequest, other_paths: OtherPaths) -> Iterator[ParsedRequest]:
    for path in other_paths(request.path):
        if path != request.path and path.startswith("/"):
            yield replace(request, path=path)


def _other_paths(path: str, location: BucketLocation | None) -> Iterator[str]:
    """Wrong encodings first, then other things that people and proxies do to a path."""
    yield unquote(path)
    yield percent_encode(path, safe="/")
    yield path.replace("+", " ")
    yield path.replace(" ", "+")
    yield path.replace("%2F", "/").replace("%2f", "/")
    yield unicodedata.normalize("NFC", path)
    yield unicodedata.normalize("NFD", path)
    if location is not None:
        bucket = f"/{location.s3_bucket}"
        yield bucket + path
        yield path.removeprefix(bucket)
        yield location.address.path_prefix + path[1:]
    yield path.rstrip("/")
    yield f"{path}/"
    yield path.replace("//", "/")
    yield path.lower()


def _queries(request: ParsedRequest) -> Iterator[ParsedRequest]:
    own = [pair for pair in request.parameters if not pair[0].lower().startswith("x-amz-")]
    for added in (request.unknown_parameters, own):
        if added:
            yield _without(request, added)
    for pair in own:
        yield _without(request, [pair])
    for name, value in own:
        if " " in value:  # a plain `+`, which stores read as a space
            pairs = [(n, v.replace(" ", "+") if n == name else v) for n, v in request.parameters]
            yield replace(request, parameters=tuple(pairs))
    for pair in _ADDED_BY_SDKS:
        if pair not in request.parameters:
            yield replace(request, parameters=(*request.parameters, pair))
    for seconds in _COMMON_LIFETIMES:
        yield request.with_parameter("x-amz-expires", str(seconds))


def _regions(request: ParsedRequest, location: BucketLocation | None) -> Iterator[ParsedRequest]:
    if location is None or request.scope is None or request.scope[2] == location.address.region:
        return
    key_id, date, _, service = request.scope
    credential = f"{key_id}/{date}/{location.address.region}/{service}/aws4_request"
    yield request.with_parameter("x-amz-credential", credential)


def _without(request: ParsedRequest, pairs: Sequence[tuple[str, str]]) -> ParsedRequest:
    kept = tuple(pair for pair in request.parameters if pair not in pairs)
    return replace(request, parameters=kept)
