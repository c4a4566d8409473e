"""Findings for a signature that does not match, as far as the signed request is known."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from service.diagnosis.canonical_request import StoreCanonicalRequest, describe_difference
from service.diagnosis.differences import changes
from service.diagnosis.findings import Code, Finding, certain, likely, quote_names
from service.diagnosis.request import ParsedRequest

_GUESSED: Final = frozenset({"host", "content-type", "content-length"})
_METADATA: Final = "x-amz-meta-"


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
    summary = f"The store received a different request from the one you report. {where}"
    yield from (replace(finding, summary=summary) for finding in findings)
    if not findings and received.payload_is_hashed and where:
        summary = f"The store included the body's hash, which a signed URL leaves out. {where}"
        fix = "Send no `x-amz-content-sha256` header with a signed URL."
        yield certain(Code.PAYLOAD_HASHED, summary, fix)


def unexplained(request: ParsedRequest) -> Finding:
    summary = (
        "The signature does not match this request. None of the changes that were tried explains "
        "it, alone or in pairs."
    )
    fix = "Send the URL and all its `headers` unchanged: the signature, a date or a header differs."
    return certain(Code.SIGNATURE_MISMATCH, summary, fix + _headers_to_compare(request))


def unverifiable(request: ParsedRequest) -> Finding:
    summary = "The store calculates another signature. What differs cannot be determined here."
    fix = "Compare method, URL and `headers` with what you received, byte for byte."
    if "content-length" in request.unreported_headers:
        fix = (
            "The exact size is signed: report the `content-length` that was sent, and compare it "
            "with the one you received."
        )
    return likely(Code.SIGNATURE_MISMATCH, summary, fix + _headers_to_compare(request))


def _headers_to_compare(request: ParsedRequest) -> str:
    """Names the headers whose values cannot be guessed: metadata first."""
    names = [name for name in request.signed_headers if name not in _GUESSED]
    if not names:
        return ""
    names.sort(key=lambda name: not name.startswith(_METADATA))
    shown = quote_names(names, "a header", limit=8)
    return f" Compare the values of these headers with those you received, byte for byte: {shown}."


def changed_underway() -> Finding:
    summary = "The signature is valid for the request you report: the store received another one."
    fix = (
        "Check what the client really sends (`curl -v`): a library, a proxy or a redirect changed "
        "the method, a header or the path."
    )
    return certain(Code.CHANGED_UNDERWAY, summary, fix)


def response_to_another_url() -> Finding:
    summary = "The response is for another URL: its canonical request has another path."
    fix = "Report the URL together with the response to it."
    return certain(Code.SIGNATURE_MISMATCH, summary, fix)
