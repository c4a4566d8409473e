"""Finds what changed a URL between signer and sender: escaping, wrapping, cutting, encoding twice.

What can be undone is undone first, so that the other checks see the URL as it was signed.
"""

import re
from typing import Final
from urllib.parse import unquote

from service.diagnosis.findings import Code, Finding, certain
from service.diagnosis.request import ParsedRequest

_AMPERSANDS: Final = ("&amp;", "&#38;", "&#x26;", "&#X26;", "\\u0026", "\\x26")
_SHELL_ESCAPE = re.compile(r"\\(?=[^u])")
_LINE_BREAK = re.compile(r"[\r\n\t] *")
_ENCODED_TWICE = re.compile("(?i)%25(?:2f|3b|3d|2b)")
_ENCODED_NAME = re.compile("(?i)x-amz-[a-z-]{1,20}%3d")
_ALWAYS_ENCODED: Final = ("x-amz-credential", "x-amz-signedheaders", "x-amz-security-token")
_SIGNATURE = re.compile("([0-9A-Fa-f]{64})(.*)", re.DOTALL)
_REQUIRED: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
)
SIGN_WITH_V4: Final = "Request it from this service, or set the SDK's signature version to `s3v4`."
_UNCHANGED: Final = "Send the URL byte for byte as you received it"


def repair(url: str) -> tuple[str, tuple[Finding, ...]]:
    """The URL as it was signed, as far as that can be restored, and what was wrong with it."""
    findings = []
    url = url.strip().strip("\"'<>`")
    for undo in (_join_lines, _unescape, _decode_once):
        url, finding = undo(url)
        if finding is not None:
            findings.append(finding)
    return url, tuple(findings)


def _join_lines(url: str) -> tuple[str, Finding | None]:
    joined = _LINE_BREAK.sub("", url)
    encoded = joined.replace(" ", "%20")  # as HTTP clients do
    if joined == url:
        return encoded, None
    summary = "The URL has a line break, as mail programs and terminals insert."
    fix = "Join the lines without a space, or copy the URL from the response."
    return encoded, certain(Code.URL_BROKEN, summary, fix)


def _unescape(url: str) -> tuple[str, Finding | None]:
    unescaped = url
    for escaped in _AMPERSANDS:
        unescaped = unescaped.replace(escaped, "&")
    unescaped = _SHELL_ESCAPE.sub("", unescaped)
    if unescaped == url:
        return url, None
    if "&amp;" in url or "&#" in url:
        language, change, source = "HTML", "`&` became `&amp;`", "HTML"
    else:
        language, source = "a program or shell", "JSON or shell text"
        change = "there is a backslash in front of `&` or `?`"
    summary = f"The URL is escaped for {language}: {change}, so the store sees other parameters."
    fix = f"Unescape it once: read it from the {source} with a parser."
    return unescaped, certain(Code.URL_ESCAPED, summary, fix)


def _decode_once(url: str) -> tuple[str, Finding | None]:
    path, _, query = url.partition("?")
    if (decoded := _query_in_path(path)) is not None:
        summary = "The `?` before the query is percent-encoded: the store reads all as the key."
    elif _ENCODED_NAME.match(query) is not None or "%26x-amz-" in query.lower():
        decoded = f"{path}?{unquote(query)}"
        summary = "`=` or `&` of the query is percent-encoded: the store sees no parameters."
    elif _is_encoded_twice(query):
        decoded = url.replace("%25", "%")
        summary = "The URL was percent-encoded twice: `%2F` became `%252F`."
    else:
        return url, None
    fix = "Do not encode a signed URL, and let no library do so."
    return decoded, certain(Code.URL_REENCODED, summary, fix)


def _query_in_path(path: str) -> str | None:
    """The URL with its `?` restored, or None if the path contains no query."""
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
        name.lower() in _ALWAYS_ENCODED and _ENCODED_TWICE.search(value) is not None
        for name, _, value in pieces
    )


def check_signature_parameters(request: ParsedRequest) -> list[Finding]:
    """Return what is visibly wrong with the query parameters that carry the signature."""
    if request.is_sigv2:
        summary = "The URL is signed with SigV2, which S3 refuses in newer regions and for KMS."
        return [certain(Code.SIGNATURE_V2, summary, SIGN_WITH_V4)]
    if not request.is_signed:
        summary = "The URL has no signature: everything from the `?` on is missing."
        fix = f"{_UNCHANGED}, with its query. In a shell, quote it: `curl '<url>'`."
        return [certain(Code.URL_TRUNCATED, summary, fix)]
    signature = request.parameter("x-amz-signature") or ""
    if len(signature) < 64:
        summary = "The URL is cut off: `X-Amz-Signature` is missing or has fewer than 64 digits."
        fix = "Copy all of it. A database column, a log or a shell may cut it: `curl '<url>'`."
        return [certain(Code.URL_TRUNCATED, summary, fix)]
    findings = []
    if not re.fullmatch("[0-9a-f]{64}", signature):
        summary = "`X-Amz-Signature` was changed: it is not 64 lower-case hexadecimal digits."
        fix = "Remove what follows it, such as a full stop or a bracket."
        findings.append(certain(Code.SIGNATURE_MALFORMED, summary, fix))
    missing = [f"`{name}`" for name in _REQUIRED if not request.parameter(name.lower())]
    if missing:
        summary = f"The query lacks {' and '.join(missing)}, which every signed URL has."
        findings.append(certain(Code.QUERY_MALFORMED, summary, f"{_UNCHANGED}, and drop nothing."))
    return findings


def whole_signature(request: ParsedRequest) -> str | None:
    """The 64 digits in lower case, even if something follows them, or None if some are missing."""
    match = _SIGNATURE.fullmatch(request.parameter("x-amz-signature") or "")
    return None if match is None else match[1].lower()
