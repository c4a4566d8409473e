"""How a URL suffers between its signer and its sender: pasted, escaped, cut, encoded once more.

What can be undone is undone, so that all that follows looks at the URL as it was meant.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from service.diagnosis.findings import Code, Finding, certain
from service.diagnosis.request import ParsedRequest

SIGNATURE_LENGTH: Final = 64  # hex digits of SHA-256

_AMPERSANDS: Final = ("&amp;", "&#38;", "&#x26;", "&#X26;", "\\u0026", "\\x26")
_SHELL = re.compile(r"\\(?=[^u])")
_BREAK = re.compile(r"[\r\n\t] *")
_ENCODED_TWICE = re.compile("(?i)%25(?:2f|3b|3d|2b)")
_ENCODED_NAME = re.compile("(?i)x-amz-[a-z-]{1,20}%3d")
_NEVER_PLAIN: Final = ("x-amz-credential", "x-amz-signedheaders", "x-amz-security-token")
_SIGNATURE = re.compile("([0-9A-Fa-f]{64})(.*)", re.DOTALL)
_NEEDED: Final = (
    ("x-amz-algorithm", "X-Amz-Algorithm"),
    ("x-amz-credential", "X-Amz-Credential"),
    ("x-amz-date", "X-Amz-Date"),
    ("x-amz-expires", "X-Amz-Expires"),
    ("x-amz-signedheaders", "X-Amz-SignedHeaders"),
)
_AS_ANSWERED: Final = "Send the URL byte for byte as it was answered"


@dataclass(frozen=True, slots=True)
class Pasted:
    """A URL as it was meant, and what was done to it."""

    url: str = field(repr=False)
    findings: tuple[Finding, ...]


def repair(url: str) -> Pasted:
    findings = []
    url = url.strip().strip("\"'<>`")
    for undo in (_unbroken, _unescaped, _decoded_once):
        url, finding = undo(url)
        if finding is not None:
            findings.append(finding)
    return Pasted(url, tuple(findings))


def _unbroken(url: str) -> tuple[str, Finding | None]:
    joined = _BREAK.sub("", url)
    mended = joined.replace(" ", "%20")  # as clients do
    if joined == url:
        return mended, None
    summary = "There is a line break inside the URL, as mail and terminals put them in."
    fix = "Join the lines with nothing between them, or copy the URL from the answer itself."
    return mended, certain(Code.URL_BROKEN, summary, fix)


def _unescaped(url: str) -> tuple[str, Finding | None]:
    mended = url
    for escaped in _AMPERSANDS:
        mended = mended.replace(escaped, "&")
    by_shell = _SHELL.sub("", mended)
    if by_shell == url:
        return url, None
    html = "&amp;" in url or "&#" in url
    how = "HTML: `&` stands as `&amp;`" if html else "a program's text: `&` or `?` has a backslash"
    where = "an attribute" if html else "a JSON or shell text"
    summary = f"The URL was escaped for {how}, so the store sees other parameters."
    fix = f"Unescape it once: read it from {where} with a parser, not as text. {_AS_ANSWERED}."
    return by_shell, certain(Code.URL_ESCAPED, summary, fix)


def _decoded_once(url: str) -> tuple[str, Finding | None]:
    path, _, query = url.partition("?")
    if (decoded := _query_in_path(path)) is not None:
        what = "The `?` of the query is percent-encoded, so the store takes the signature for a part of the key."
    elif _ENCODED_NAME.match(query) is not None or "%26x-amz-" in query.lower():
        decoded = f"{path}?{unquote(query)}"
        what = "The `=` or `&` of the query are percent-encoded, so the store sees no parameters."
    elif _is_encoded_twice(query):
        decoded = url.replace("%25", "%")
        what = "The URL was percent-encoded a second time: `%2F` became `%252F`."
    else:
        return url, None
    fix = f"Do not encode a signed URL, nor let a library do it. {_AS_ANSWERED}."
    return decoded, certain(Code.URL_REENCODED, what, fix)


def _query_in_path(path: str) -> str | None:
    lowered = path.lower()
    first = max(lowered.find("%3fx-amz-"), lowered.find("%26x-amz-"))
    begin = lowered.rfind("%3f", 0, first + 3)
    if first < 0 or begin < 0:
        return None
    query = path[begin + 3 :]
    names_too = _ENCODED_NAME.search(query) is not None
    return f"{path[:begin]}?{unquote(query) if names_too else query}"


def _is_encoded_twice(query: str) -> bool:
    pieces = (piece.partition("=") for piece in query.split("&"))
    return any(
        name.lower() in _NEVER_PLAIN and _ENCODED_TWICE.search(value) is not None
        for name, _, value in pieces
    )


def faults(sent: ParsedRequest) -> list[Finding]:
    """What is wrong with the signature's own parameters, at a look."""
    if not sent.is_signed:
        return [_signature_v2()] if sent.is_v2 else [_without_signature()]
    if not sent.signature:
        return [_cut_off()]
    shape = _signature_shape(sent.signature)
    if shape is not None and shape.code is Code.URL_TRUNCATED:
        return [shape]
    return [each for each in (shape, _missing_parameters(sent)) if each is not None]


def whole_signature(sent: ParsedRequest) -> str | None:
    """The 64 digits, though something may stand behind them, or they are in capitals."""
    parsed = _SIGNATURE.fullmatch(sent.signature or "")
    return None if parsed is None else parsed[1].lower()


def _signature_shape(signature: str) -> Finding | None:
    if len(signature) < SIGNATURE_LENGTH:
        return _cut_off()
    if re.fullmatch("[0-9a-f]{64}", signature):
        return None
    summary = "`X-Amz-Signature` is not 64 hexadecimal digits in lower case: something was added or changed."
    fix = "Take off what stands behind the signature, such as a full stop or a bracket of the text around it."
    return certain(Code.SIGNATURE_MALFORMED, summary, fix)


def _missing_parameters(sent: ParsedRequest) -> Finding | None:
    missing = [f"`{spelt}`" for name, spelt in _NEEDED if not sent.parameter(name)]
    if not missing:
        return None
    summary = f"The query has no {' and no '.join(missing)}, which a signed URL always has."
    return certain(Code.QUERY_MALFORMED, summary, f"{_AS_ANSWERED}: nothing may be dropped.")


def _signature_v2() -> Finding:
    summary = "The URL is signed with SigV2 (`AWSAccessKeyId`, `Expires`), which S3 refuses in newer regions and for KMS."
    fix = "Sign with SigV4: ask this service for the URL, or set the SDK's signature version to `s3v4`."
    return certain(Code.SIGNATURE_V2, summary, fix)


def _without_signature() -> Finding:
    summary = "The URL has no signature: all from the `?` on is lost."
    fix = f"{_AS_ANSWERED}, with its query; in a shell it needs quotes: `curl '<url>'`."
    return certain(Code.URL_TRUNCATED, summary, fix)


def _cut_off() -> Finding:
    summary = "The URL was cut off: `X-Amz-Signature` is missing or has fewer than 64 digits."
    fix = (
        "Copy all of it; a column, a log or a shell without quotes may have cut it: `curl '<url>'`."
    )
    return certain(Code.URL_TRUNCATED, summary, fix)
