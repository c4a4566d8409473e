"""Media types: which a grant admits, and which a browser would run."""

from typing import Final

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


def essence(content_type: str) -> str:
    """Type and subtype in lower case, without parameters (mimesniff.spec.whatwg.org)."""
    return content_type.partition(";")[0].strip().lower()


def runs_in_browser(content_type: str) -> bool:
    name = essence(content_type)
    return name in _RUNS or name.endswith("+xml")


def admits(pattern: str, content_type: str) -> bool:
    """Whether `image/png` or `image/*` admits a type. A wildcard never admits what a browser runs."""
    name = essence(content_type)
    if pattern.lower() == name:
        return True
    family, _, subtype = pattern.lower().partition("/")
    return subtype == "*" and name.startswith(f"{family}/") and not runs_in_browser(name)
