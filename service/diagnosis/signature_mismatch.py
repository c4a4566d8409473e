"""What to say where the signature is not of the request, as far as the request it is of is known."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from service.diagnosis.canonical_request import StoreCanonicalRequest, first_difference
from service.diagnosis.findings import Code, Finding, certain, likely, said
from service.diagnosis.request import ParsedRequest

_TRIED: Final = frozenset({"host", "content-type", "content-length"})  # values of these headers
_METADATA: Final = "x-amz-meta-"
_NAMES_SHOWN: Final = 8


def placed(
    found: Sequence[Finding], signed: ParsedRequest, received: StoreCanonicalRequest | None
) -> Iterator[Finding]:
    """With the place of the first byte that differs, if the store tells what it received."""
    if received is not None and (where := _where(signed, received)):
        found = [replace(each, summary=f"{each.summary} {where}") for each in found]
    yield from found


def as_received(
    found: Sequence[Finding], told: ParsedRequest, received: StoreCanonicalRequest
) -> Iterator[Finding]:
    """What the store received is certain; that what the sender tells of was signed is not."""
    where = _where(told, received)
    for each in found:
        summary = f"The store received another request than you tell of. {where}"
        yield replace(each, summary=summary)
    if not found and received.payload_is_hashed and where:
        summary = (
            f"The store took the body's hash into account, which a signed URL leaves out. {where}"
        )
        fix = "Send no `x-amz-content-sha256` header with a signed URL."
        yield certain(Code.PAYLOAD_HASHED, summary, fix)


def _where(signed: ParsedRequest, received: StoreCanonicalRequest) -> str:
    difference = first_difference(signed, received)
    if difference is None:
        return ""
    return f"S3's canonical request first differs at byte {difference.byte}, in {difference.line}."


def unexplained(sent: ParsedRequest) -> Finding:
    summary = "The signature is not of this request, and no change that was tried explains it, nor two likely ones together."
    fix = "Send the URL as it was answered, with all its `headers`: the signature, a date or a header's value was changed."
    return certain(Code.SIGNATURE_MISMATCH, summary, fix + _to_compare(sent))


def untold(sent: ParsedRequest) -> Finding:
    summary = "The store calculates another signature; what differs cannot be told from here."
    fix = "Compare method, URL and `headers` with the answer, byte for byte."
    if "content-length" in sent.untold_headers:
        fix = "The exact size is signed: tell `content-length` among the headers as it was sent, and compare it with the answer's."
    return likely(Code.SIGNATURE_MISMATCH, summary, fix + _to_compare(sent))


def _to_compare(sent: ParsedRequest) -> str:
    """Names the headers whose values nothing but the answer tells, metadata first: clients re-encode it."""
    names = [name for name in sent.signed_headers if name not in _TRIED]
    if not names:
        return ""
    names.sort(key=lambda name: not name.startswith(_METADATA))
    shown = ", ".join(said(name, "a header") for name in names[:_NAMES_SHOWN])
    return f" Compare the values of these headers with the answer's, byte for byte: {shown}."


def changed_underway() -> Finding:
    summary = "The signature is right for the request that you tell of, so the store received another one."
    fix = "See what the client really sent (`curl -v`): a library, a proxy or a followed redirect changed the method, a header or the path."
    return certain(Code.CHANGED_UNDERWAY, summary, fix)


def another_answer() -> Finding:
    summary = "The canonical request in the answer is of another path than the URL, and the signature is of that one."
    fix = "Tell of the URL and of the answer that came to it."
    return certain(Code.SIGNATURE_MISMATCH, summary, fix)
