"""Which media types match a grant, which browsers run, and which one a key suggests. Pure."""

import re
from mimetypes import MimeTypes
from typing import Final

from service.signing.validation import NAME_PART

# Types that a browser executes, or renders with their scripts, when opened as a page.
_RUNS = re.compile(
    r"(?:application|text)/(?:x-)?(?:java|ecma)script|(?:application|text)/xml|.+\+xml"
    r"|text/(?:html|xsl|jscript|livescript|vbscript)|multipart/x-mixed-replace"
)
# Browsers sniff the content as if there were no type (mimesniff.spec.whatwg.org, 7).
_SNIFFED: Final = frozenset({"application/unknown", "unknown/unknown", "*/*"})

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(f"{NAME_PART}/{NAME_PART}")
_SUFFIX = re.compile(r"[^/](\.[A-Za-z0-9]+)\Z")  # `.png` alone is a name


def essence(content_type: str) -> str:
    """Return type and subtype in lower case, without parameters (mimesniff.spec.whatwg.org)."""
    return content_type.partition(";")[0].strip().lower()


def _unquoted(content_type: str) -> str:
    """Empty the quoted strings, whose commas separate nothing. The quotes stay: no name has any."""
    return _QUOTED.sub('""', content_type)


def runs_in_browser(content_type: str) -> bool:
    """Return whether a browser runs this type, or may: if it is invalid, it sniffs the content.

    A header may list several types; the browser uses the last (fetch.spec.whatwg.org).
    """
    names = [essence(each) for each in _unquoted(content_type).split(",")]
    return any(
        name in _SNIFFED or _RUNS.fullmatch(name) or not _NAME.fullmatch(name) for name in names
    )


# What Python's table lacks: www.iana.org/assignments/media-types
_MORE_TYPES: Final = {
    ".7z": "application/x-7z-compressed",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".ics": "text/calendar",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mkv": "video/matroska",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ogg": "audio/ogg",
    ".parquet": "application/vnd.apache.parquet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".tgz": "application/gzip",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".zst": "application/zstd",
}
# `MimeTypes()` has Python's own table: /etc/mime.types must not decide what is signed.
_TYPES: Final = {
    suffix: name
    for suffix, name in {**MimeTypes().types_map[True], **_MORE_TYPES}.items()
    if not runs_in_browser(name)
}


def suggested_content_type(key: str) -> str | None:
    """Return the type that the key's suffix means, such as `image/png`, or None.

    Never a type that a browser runs: the name of a key must not make a page of an upload.
    """
    suffix = _SUFFIX.search(key)
    return None if suffix is None else _TYPES.get(suffix[1].lower())


def matches_content_type(pattern: str, content_type: str) -> bool:
    """Return whether `image/png` or `image/*` matches; a wildcard matches no type browsers run."""
    name = essence(content_type)
    if "," in _unquoted(content_type) or _NAME.fullmatch(name) is None:
        return False
    family, _, subtype = pattern.lower().partition("/")
    if subtype != "*":
        return pattern.lower() == name
    return name.startswith(f"{family}/") and not runs_in_browser(name)
