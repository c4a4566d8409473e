"""Media types: which a grant admits, and which a browser would run."""

import re
from typing import Final

from service.signing.validation import NAME_PART

# What a browser executes, or renders with script inside, when it is shown as a page of its own.
_RUNS: Final = frozenset(
    {
        "application/ecmascript",
        "application/javascript",
        "application/mathml+xml",
        "application/x-ecmascript",
        "application/x-javascript",
        "application/xhtml+xml",
        "application/xml",
        "image/svg+xml",
        "multipart/x-mixed-replace",
        "text/ecmascript",
        "text/html",
        "text/javascript",
        "text/jscript",
        "text/livescript",
        "text/vbscript",
        "text/x-ecmascript",
        "text/x-javascript",
        "text/xml",
        "text/xsl",
    }
)


# As if there were no type (mimesniff.spec.whatwg.org, 7)
_SNIFFED: Final = frozenset({"application/unknown", "unknown/unknown", "*/*"})

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(f"{NAME_PART}/{NAME_PART}")


def essence(content_type: str) -> str:
    """Type and subtype in lower case, without parameters (mimesniff.spec.whatwg.org)."""
    return content_type.partition(";")[0].strip().lower()


def _unquoted(content_type: str) -> str:
    """Without what stands in quotes, where a comma parts nothing. The quotes stay: no name has any."""
    return _QUOTED.sub('""', content_type)


def runs_in_browser(content_type: str) -> bool:
    """Whether a browser would, or might: of what is no type it guesses at the content.

    Of several types in one header it takes the last (fetch.spec.whatwg.org).
    """
    names = [essence(each) for each in _unquoted(content_type).split(",")]
    return any(
        name in _RUNS or name in _SNIFFED or name.endswith("+xml") or not _NAME.fullmatch(name)
        for name in names
    )


def matches_content_type(pattern: str, content_type: str) -> bool:
    """Whether `image/png` or `image/*` admits a type. A wildcard never admits what a browser runs."""
    name = essence(content_type)
    if "," in _unquoted(content_type) or _NAME.fullmatch(name) is None:
        return False
    family, _, subtype = pattern.lower().partition("/")
    if subtype != "*":
        return pattern.lower() == name
    return name.startswith(f"{family}/") and not runs_in_browser(name)
