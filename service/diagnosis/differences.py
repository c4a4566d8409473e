"""How the request that was sent differs from the one that was signed, in words."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from service.diagnosis.findings import Code, Finding, certain, is_safe_to_echo, said
from service.diagnosis.request import METHODS, Pairs, ParsedRequest
from service.signing.sigv4 import percent_encode
from service.signing.validation import has_dot_segment

REGION: Final = re.compile("[a-z]{2}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}")
# What an HTTP library sets itself, and no command line need name
_BY_ITSELF: Final = frozenset({"host", "content-length"})
_ENTRIES_SHOWN: Final = 5
# What this service signs (signing/requests.py). The value of another header is none of its own to say.
_OURS: Final = re.compile(
    "content-(?:type|disposition|encoding|md5)|cache-control|if-(?:none-)?match|x-amz-(?!security-token).*"
)


def changes(signed: ParsedRequest, sent: ParsedRequest) -> Iterator[Finding]:
    """One for each thing that differs, all of them certain."""
    if signed.method != sent.method:
        yield method_changed(signed, sent, proven=True)
    if signed.host != sent.host:
        yield host_changed(signed, sent)
    if signed.canonical_path != sent.canonical_path:
        yield _path_changed(signed, sent)
    if (finding := _query_changed(signed, sent)) is not None:
        yield finding
    yield from _headers_changed(signed, sent)


def method_changed(signed: ParsedRequest, sent: ParsedRequest, *, proven: bool) -> Finding:
    right, was = _known_method(signed), _known_method(sent)
    summary = f"The URL is signed for {right}, and was sent as {was}."
    return Finding(Code.METHOD_CHANGED, proven, summary, f"Send it as {right}: {curl(signed)}")


def host_changed(signed: ParsedRequest, sent: ParsedRequest) -> Finding:
    summary = (
        f"The URL is signed for the host {said(signed.host, 'of the answer')}, and the store was asked as "
        f"{said(sent.host, 'another')}: a proxy, a name of one's own, or a redirect that was followed."
    )
    fix = (
        "Send the URL to the host that stands in it, and let proxies pass `Host` on. A host of your own for "
        "users is the bucket's `public_endpoint_url`."
    )
    return certain(Code.HOST_CHANGED, summary, fix)


def curl(signed: ParsedRequest) -> str:
    """The command line of the right request; what is not known, or not to be shown, is in capitals."""
    by_method = {"GET": [], "HEAD": ["-I"], "PUT": ["-T FILE"], "DELETE": ["-X DELETE"]}
    options = list(by_method.get(signed.method, [f"-X {_known_method(signed)}"]))
    for name in signed.signed_headers:
        if name not in _BY_ITSELF:
            value = (signed.header(name) or "") if _OURS.fullmatch(name) else ""
            options.append(f"-H '{_shown(name, 'NAME')}: {_shown(value, 'VALUE')}'")
    return " ".join(["`curl", *options, "'<url>'`"])


def _known_method(sent: ParsedRequest) -> str:
    return sent.method if sent.method in METHODS else "METHOD"


def _shown(text: str, otherwise: str) -> str:
    return text if is_safe_to_echo(text) else otherwise


def _path_changed(signed: ParsedRequest, sent: ParsedRequest) -> Finding:
    if has_dot_segment(signed.path):
        return dot_segments(proven=True)
    if _same_but_encoded(signed.path, sent.path):
        summary = "The key is the signed one, but encoded once too often or too seldom, or with `+` for a space."
        fix = "Send the path as it was answered: do not build it from the key, and let no library encode or decode it."
        return certain(Code.KEY_REENCODED, summary, fix)
    summary = "The URL is signed for another path than the store was asked for."
    fix = "Send the path as it was answered: no slash added or taken, no other letters or bucket in it. For another key ask for another URL."
    return certain(Code.KEY_CHANGED, summary, fix)


def dot_segments(*, proven: bool) -> Finding:
    summary = "The path has a segment `.` or `..`, which nearly every HTTP client folds away, so the store is asked for another key."
    fix = "Choose a key without such segments (this service signs no other), or send it unfolded: `curl --path-as-is '<url>'`."
    return Finding(Code.DOT_SEGMENTS, proven, summary, fix)


def _same_but_encoded(one: str, other: str) -> bool:
    forms = {one, unquote(one), percent_encode(one, safe="/"), one.replace("+", " ")}
    return other in forms or one in {unquote(other), other.replace("+", " ")}


def _query_changed(signed: ParsedRequest, sent: ParsedRequest) -> Finding | None:
    was, now = signed.signed_parameters, sent.signed_parameters
    if sorted(was) == sorted(now):
        return None
    added, lost = _only_in(now, was), _only_in(was, now)
    if set(added) == {"X-Amz-Credential"} and signed.scope and sent.scope:
        return wrong_region(signed.scope[2], sent.scope[2])
    changed = [name for name in added if name in lost]
    told = [
        _listed("changed", changed),
        _listed("added", [name for name in added if name not in changed]),
        _listed("lost", [name for name in lost if name not in changed]),
    ]
    summary = f"The query is not the signed one: {', '.join(each for each in told if each)}."
    fix = "Send the query as it was answered. All of it is signed: nothing may be added (trackers, cache busters), changed or dropped."
    return certain(Code.QUERY_CHANGED, summary, fix)


def wrong_region(right: str, was: str) -> Finding:
    """`right` is known to be one."""
    signed_for = f"the region `{was}`" if REGION.fullmatch(was) else "another region"
    summary = f"The signature is for {signed_for}, and the bucket is in `{right}`."
    fix = "Set the bucket's `region` in the configuration of whoever signs, and sign anew; do not edit the URL."
    return certain(Code.WRONG_REGION, summary, fix)


def _only_in(one: Pairs, other: Pairs) -> list[str]:
    return [name for name, value in one if (name, value) not in other]


def _listed(what: str, names: list[str]) -> str:
    shown = list(dict.fromkeys(said(name, "a parameter") for name in names[:_ENTRIES_SHOWN]))
    return f"{what} {', '.join(shown)}" if shown else ""


def _headers_changed(signed: ParsedRequest, sent: ParsedRequest) -> Iterator[Finding]:
    missing = [name for name in signed.signed_headers if not sent.header(name)]
    missing = [name for name in missing if name not in _BY_ITSELF and signed.header(name)]
    if missing:
        yield header_missing(missing, curl(signed), proven=True)
    for name in signed.signed_headers:
        was, now = signed.header(name), sent.header(name)
        if name == "host" or not was or not now or was.split() == now.split():
            continue
        if name == "content-type":
            yield _content_type(signed, was, now)
        elif name == "content-length":
            yield _content_length(signed, was, now)
        else:
            yield _header(signed, name)


def header_missing(names: list[str], how: str, *, proven: bool) -> Finding:
    shown = ", ".join(said(name, "a header") for name in names[:_ENTRIES_SHOWN])
    summary = f"Signed headers were not sent: {shown}."
    fix = f"Send all `headers` of the answer, byte for byte: {how}"
    return Finding(Code.HEADER_MISSING, proven, summary, fix)


def _content_type(signed: ParsedRequest, was: str, now: str) -> Finding:
    summary = (
        f"The URL is signed for the type {said(was, 'of the answer')}, and was sent with "
        f"{said(now, 'another')}."
    )
    fix = f"Send that very `content-type`, and see that no library adds a charset: {curl(signed)}"
    return certain(Code.CONTENT_TYPE_CHANGED, summary, fix)


def _content_length(signed: ParsedRequest, was: str, now: str) -> Finding:
    summary = f"The URL is signed for {said(was, 'so many')} bytes, and was sent with {said(now, 'others')}."
    fix = f"Send exactly that many bytes, or ask for a URL of the true `content_length`: {curl(signed)}"
    return certain(Code.CONTENT_LENGTH_CHANGED, summary, fix)


def _header(signed: ParsedRequest, name: str) -> Finding:
    summary = f"The header {said(name, 'that is signed')} was sent with another value than the signed one."
    fix = f"Send all `headers` of the answer, byte for byte: {curl(signed)}"
    return certain(Code.HEADER_CHANGED, summary, fix)
