"""ListObjectsV2 as a store answers it, for doubles that know some keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote


@dataclass(frozen=True)
class Listed:
    """An object in a listing. `etag` is as it stands in the XML."""

    etag: str = "e"
    size: int = 5
    modified: str | None = None


def listing(query: Mapping[str, str], objects: Mapping[str, Listed], *, page: int = 1000) -> str:
    """Return a page. The token for the next one is the last name of this one."""
    prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
    names = {key for key in objects if key.startswith(prefix)}
    if "delimiter" in query:
        parts = (key.removeprefix(prefix).partition("/") for key in names)
        names = {prefix + name + slash for name, slash, _ in parts}
    rest = sorted(name for name in names if name > after)
    shown = rest[: min(page, int(query["max-keys"]))]
    is_cut = len(rest) > len(shown)
    last = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if is_cut else ""
    return (
        f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{str(is_cut).lower()}"
        f"</IsTruncated>{last}{''.join(_entry(name, objects.get(name)) for name in shown)}"
        "</ListBucketResult>"
    )


def _entry(name: str, found: Listed | None) -> str:
    text = escape(quote(name))
    if found is None:
        return f"<CommonPrefixes><Prefix>{text}</Prefix></CommonPrefixes>"
    modified = f"<LastModified>{found.modified}</LastModified>" if found.modified else ""
    return (
        f"<Contents><Key>{text}</Key><ETag>{found.etag}</ETag><Size>{found.size}</Size>{modified}"
        "</Contents>"
    )
