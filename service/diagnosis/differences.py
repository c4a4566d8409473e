"""How the request that was sent differs from the one that was signed, as findings."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from service.diagnosis.canonical_request import StoreCanonicalRequest, describe_difference
from service.diagnosis.findings import (
    Code,
    Finding,
    certain,
    is_safe_to_echo,
    likely,
    quote_if_safe,
    quote_names,
)
from service.diagnosis.request import AUTOMATIC_HEADERS, METHODS, Pairs, ParsedRequest
from service.signing.sigv4 import UNSIGNED_PAYLOAD, percent_encode
from service.signing.validation import has_dot_segment

REGION: Final = re.compile("[a-z]{2}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}")
NEW_REGION: Final = (
    "Correct the bucket's `region` or endpoint at the signer, and request a new URL."
)
_ALL_HEADERS: Final = "Send all `headers` byte for byte as you received them"
# The headers that this service signs (signing/actions.py): no other header's value is shown.
_OUR_HEADERS: Final = re.compile(
    "content-(?:type|disposition|encoding|md5)|cache-control|if-(?:none-)?match"
    "|x-amz-(?!security-token).*"
)
# Their values may be guessed: see hypotheses.py.
_GUESSED: Final = frozenset({"host", "content-type", "content-length"})
_CURL_OPTIONS: Final = {"GET": "", "HEAD": " -I", "PUT": " -T FILE", "DELETE": " -X DELETE"}


def changes(signed: ParsedRequest, sent: ParsedRequest) -> Iterator[Finding]:
    """A certain finding for each difference."""
    if sent.method is not None and signed.method != sent.method:
        yield method_changed(signed, sent, proven=True)
    if signed.host != sent.host:
        yield _host_changed(signed, sent)
    if signed.canonical_path != sent.canonical_path:
        yield _path_changed(signed, sent)
    yield from _query_changed(signed, sent)
    yield from _headers_changed(signed, sent)


def method_changed(signed: ParsedRequest, sent: ParsedRequest, *, proven: bool) -> Finding:
    expected = _known_method(signed)
    source = "The URL is" if proven else "By its headers the URL is"
    summary = f"{source} signed for {expected}, but was sent as {_known_method(sent)}."
    return Finding(Code.METHOD_CHANGED, proven, summary, f"Send it as {expected}: {curl(signed)}")


def _host_changed(signed: ParsedRequest, sent: ParsedRequest) -> Finding:
    summary = (
        f"The URL is signed for the host {quote_if_safe(signed.host, 'it came with')}, but was "
        f"sent to {quote_if_safe(sent.host, 'another')}."
    )
    fix = (
        "Send it to its own host, follow no redirect, and have proxies forward `Host`. For a host "
        "name of your own, set the bucket's `public_endpoint_url`."
    )
    return certain(Code.HOST_CHANGED, summary, fix)


def curl(signed: ParsedRequest) -> str:
    """The right request as a command line. Placeholders in capitals stand for hidden values."""
    options = _CURL_OPTIONS.get(signed.likely_method, f" -X {_known_method(signed)}")
    for name in signed.signed_headers:
        if name in AUTOMATIC_HEADERS:
            continue
        value = _right_value(signed, name) if _OUR_HEADERS.fullmatch(name) else ""
        shown_name = name if is_safe_to_echo(name) else "NAME"
        options += f" -H '{shown_name}: {value if is_safe_to_echo(value) else 'VALUE'}'"
    return f"`curl{options} '<url>'`"


def _right_value(signed: ParsedRequest, name: str) -> str:
    """S3 has only `*` as `if-none-match` of an upload."""
    if name == "if-none-match" and signed.likely_method == "PUT":
        return "*"
    return signed.header(name) or ""


def _known_method(request: ParsedRequest) -> str:
    return request.likely_method if request.likely_method in METHODS else "METHOD"


def _path_changed(signed: ParsedRequest, sent: ParsedRequest) -> Finding:
    if has_dot_segment(signed.path):
        return dot_segments(proven=True)
    if _same_but_encoded(signed.path, sent.path):
        summary = "The key is encoded once too often or too seldom, or has `+` for a space."
        fix = "Send the path unchanged: do not build it from the key or let a library encode it."
        return certain(Code.KEY_REENCODED, summary, fix)
    summary = "The URL is signed for another path than the store received."
    fix = "Send the path unchanged, down to each slash."
    return certain(Code.KEY_CHANGED, summary, fix)


def dot_segments(*, proven: bool) -> Finding:
    summary = "The path has a `.` or `..` segment, which most HTTP clients remove."
    fix = "Choose a key without one, or use `curl --path-as-is '<url>'`."
    return Finding(Code.DOT_SEGMENTS, proven, summary, fix)


def _same_but_encoded(one: str, other: str) -> bool:
    forms = {one, unquote(one), percent_encode(one, safe="/"), one.replace("+", " ")}
    return other in forms or one in {unquote(other), other.replace("+", " ")}


def _query_changed(signed: ParsedRequest, sent: ParsedRequest) -> Iterator[Finding]:
    before, after = signed.signed_parameters, sent.signed_parameters
    if sorted(before) == sorted(after):
        return
    added, lost = _only_in(after, before), _only_in(before, after)
    if set(added) == {"X-Amz-Credential"} and signed.scope and sent.scope:
        yield wrong_region(signed.scope[2], sent.scope[2], proven=True)
        return
    by_change = {
        "changed": [name for name in added if name in lost],
        "added": [name for name in added if name not in lost],
        "lost": [name for name in lost if name not in added],
    }
    shown = ", ".join(
        f"{change} {quote_names(names, 'a parameter')}"
        for change, names in by_change.items()
        if names
    )
    summary = f"The query differs from the signed one: {shown}."
    fix = "Send the query unchanged, without trackers or cache busters."
    yield certain(Code.QUERY_CHANGED, summary, fix)


def wrong_region(expected: str, signed: str, *, proven: bool) -> Finding:
    """Shows `expected`, which the caller has checked to be a region's name."""
    signed_for = f"the region `{signed}`" if REGION.fullmatch(signed) else "another region"
    summary = f"The signature is for {signed_for}, but the bucket is in `{expected}`."
    return Finding(Code.WRONG_REGION, proven, summary, NEW_REGION)


def _only_in(one: Pairs, other: Pairs) -> list[str]:
    return [name for name, value in one if (name, value) not in other]


def _headers_changed(signed: ParsedRequest, sent: ParsedRequest) -> Iterator[Finding]:
    missing, changed = _missing_headers(signed, sent), _changed_headers(signed, sent)
    if missing:
        yield header_missing(missing, curl(signed), proven=True)
    if "content-type" in changed:
        yield _type_changed(signed, sent)
    if "content-length" in changed:
        yield _length_changed(signed, sent)
    others = [name for name in changed if name not in {"content-type", "content-length"}]
    if others:
        summary = f"Headers were sent with other values: {quote_names(others, 'a header')}."
        yield certain(Code.HEADER_CHANGED, summary, f"{_ALL_HEADERS}: {curl(signed)}")


def _missing_headers(signed: ParsedRequest, sent: ParsedRequest) -> list[str]:
    return [
        name
        for name in signed.signed_headers
        if name not in AUTOMATIC_HEADERS and signed.header(name) and not sent.header(name)
    ]


def _changed_headers(signed: ParsedRequest, sent: ParsedRequest) -> list[str]:
    values = [(name, signed.header(name), sent.header(name)) for name in signed.signed_headers]
    return [
        name
        for name, before, after in values
        if name != "host" and before and after and before.split() != after.split()
    ]


def header_missing(names: Iterable[str], command: str, *, proven: bool) -> Finding:
    shown = quote_names(names, "a header")
    summary = f"Signed headers were not sent: {shown}."
    if not proven:
        summary = f"You do not report signed headers: {shown}. Without them no signature matches."
    return Finding(Code.HEADER_MISSING, proven, summary, f"{_ALL_HEADERS}: {command}")


def _type_changed(signed: ParsedRequest, sent: ParsedRequest) -> Finding:
    signed_for, sent_as = _values("content-type", signed, sent)
    summary = f"The URL is signed for the type {signed_for}, and was sent with {sent_as}."
    fix = "Send exactly this `content-type`, and check that no library adds a charset"
    return certain(Code.CONTENT_TYPE_CHANGED, summary, f"{fix}: {curl(signed)}")


def _length_changed(signed: ParsedRequest, sent: ParsedRequest) -> Finding:
    signed_for, sent_as = _values("content-length", signed, sent)
    summary = f"The URL is signed for {signed_for} bytes, but {sent_as} were sent."
    fix = "Send exactly that many bytes, or request a URL for the true `content_length`"
    return certain(Code.CONTENT_LENGTH_CHANGED, summary, f"{fix}: {curl(signed)}")


def _values(name: str, *requests: ParsedRequest) -> Iterator[str]:
    return (quote_if_safe(request.header(name) or "", "another") for request in requests)


def changes_to_signed(
    signed: ParsedRequest, sent: ParsedRequest, received: StoreCanonicalRequest | None
) -> Iterator[Finding]:
    """Each with the first byte that differs, if S3 returned its canonical request."""
    where = "" if received is None else describe_difference(signed, received)
    for finding in changes(signed, sent):
        yield replace(finding, summary=f"{finding.summary} {where}".rstrip())


def changes_to_reported(
    reported: ParsedRequest, received: StoreCanonicalRequest
) -> Iterator[Finding]:
    """It is certain what the store received, but not that the reported request was signed."""
    where = describe_difference(reported, received)
    findings = list(changes(reported, received.request))
    sent = received.request
    names = [*_missing_headers(reported, sent), *_changed_headers(reported, sent)]
    differs = f" These headers differ: {quote_names(names, 'a header')}." if names else ""
    summary = f"The store received a different request from the one you report.{differs} {where}"
    yield from (replace(finding, summary=summary) for finding in findings)
    if not findings and received.payload != UNSIGNED_PAYLOAD and where:
        summary = f"The store included the body's hash, which a signed URL leaves out. {where}"
        fix = "Send no `x-amz-content-sha256` header with a signed URL."
        yield certain(Code.PAYLOAD_HASHED, summary, fix)


def unexplained(request: ParsedRequest) -> Finding:
    summary = (
        "The signature does not match this request. None of the changes that were tried explains "
        f"it.{_suspects(request, tried=_GUESSED)}"
    )
    fix = "Send the URL and all its `headers` unchanged."
    return certain(Code.SIGNATURE_MISMATCH, summary, fix)


def unverifiable(request: ParsedRequest) -> Finding:
    summary = (
        "The store calculates another signature. What differs cannot be determined here."
        f"{_suspects(request, tried=frozenset({'host'}))}"
    )
    fix = "Compare method, URL and `headers` with what you received, byte for byte."
    if "content-length" in request.unreported_headers:
        fix = (
            "The exact size is signed: report the `content-length` that was sent, and compare it "
            "with the one you received."
        )
    return likely(Code.SIGNATURE_MISMATCH, summary, fix)


def _suspects(request: ParsedRequest, *, tried: frozenset[str]) -> str:
    """Names the headers whose values may be wrong: metadata first. `*` has no other value."""
    names = [
        name
        for name in request.signed_headers
        if name not in tried and (name, request.header(name)) != ("if-none-match", "*")
    ]
    if not names:
        return ""
    names.sort(key=lambda name: (not name.startswith("x-amz-meta-"), name in AUTOMATIC_HEADERS))
    return f" The value of a header may differ: {quote_names(names, 'a header', limit=8)}."


def changed_underway(signed: ParsedRequest, reported: ParsedRequest) -> Finding:
    """`signed` has the right method also if the report has none."""
    method = "" if reported.method else f", if it was sent as {_known_method(signed)}"
    summary = (
        f"The signature is valid for the request you report{method}: the store received another "
        "one."
    )
    fix = (
        "Check what the client really sends (`curl -v`): a library, a proxy or a redirect changed "
        "it."
    )
    return certain(Code.CHANGED_UNDERWAY, summary, fix)


def response_to_another_url() -> Finding:
    summary = "The response is for another URL: its canonical request has another path."
    fix = "Report the URL together with the response to it."
    return certain(Code.SIGNATURE_MISMATCH, summary, fix)
