"""Which media types match a grant, and which ones a browser runs. Pure."""

import re
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


def matches_content_type(pattern: str, content_type: str) -> bool:
    """Return whether `image/png` or `image/*` matches; a wildcard matches no type browsers run."""
    name = essence(content_type)
    if "," in _unquoted(content_type) or _NAME.fullmatch(name) is None:
        return False
    family, _, subtype = pattern.lower().partition("/")
    if subtype != "*":
        return pattern.lower() == name
    return name.startswith(f"{family}/") and not runs_in_browser(name)
