"""Writes the tables of docs/limits.md from the code: `make configuration` calls it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from service.access.grants import LONGEST_LINK
from service.api.body import MAX_BATCH_BYTES, MAX_BODY_BYTES
from service.api.schemas import MAX_BATCH
from service.auth.jwks_cache import REFRESH_SECONDS, STALE_SECONDS
from service.auth.token_verifier import MAX_TOKENS
from service.auth.tokens import MAX_TOKEN_LENGTH
from service.config.buckets import BucketDefaults
from service.config.callers import GrantSettings, IssuerSettings
from service.config.durations import Duration
from service.config.server import ServerSettings
from service.multipart.requests import DEFAULT_PARTS_PER_REQUEST, MAX_PARTS_PER_REQUEST
from service.presigning.listings import MAX_PAGES
from service.presigning.rate_windows import MAX_COUNTS
from service.protocols.arrivals.routes import MAX_BODY_BYTES as MAX_PUSH_BYTES
from service.protocols.build_caches.routes import MAX_HASHES
from service.protocols.git_lfs.routes import MAX_OBJECTS
from service.protocols.hugging_face.cached_listings import MAX_AT_ONCE
from service.protocols.hugging_face.folders import MAX_FILES
from service.protocols.hugging_face.repositories import MAX_REFS
from service.protocols.links.link_store import MOST_LINKS, MOST_LISTED, PAGE_LINKS
from service.protocols.links.visits import EXPIRES_IN
from service.protocols.mcp.listing import MAX_BYTES, MAX_LOOKED_AT, MAX_NAMES
from service.protocols.mlflow.parts import MAX_PARTS as MAX_MLFLOW_PARTS
from service.protocols.objects.settings import ObjectUrlSettings
from service.protocols.package_index.hashes import MAX_CHECKED
from service.sessions.pool import MAX_SESSIONS, MAX_VENDED
from service.sessions.refresh_policy import MIN_VENDED_SECONDS
from service.sessions.signature_age import MAX_STABLE_FOR
from service.signing.actions import MAX_UPLOAD_BYTES
from service.signing.cloudfront import MAX_DELIVERY_SECONDS
from service.signing.header_signatures import HEADER_SIGNATURE_SECONDS
from service.signing.metadata import MAX_METADATA_BYTES
from service.signing.multipart_actions import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIN_PART_BYTES,
)
from service.signing.signer import MAX_EXPIRES_IN
from service.signing.tags import MAX_TAG_KEY, MAX_TAG_VALUE, MAX_TAGS
from service.signing.validation import MAX_KEY_BYTES
from tools import ROOT
from tools.bounds_table import BOUNDS

PAGE: Final = ROOT / "docs" / "limits.md"
_MIB: Final = 1024**2
_GIB: Final = 1024**3
_TIB: Final = 1024**4
_UNITS: Final = {86_400: "day", 3600: "hour", 60: "minute", 1: "second"}


def _time(seconds: float) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS.items() if seconds % size == 0)
    count = int(seconds // size)
    return f"{count} {unit}{'s' * (count != 1)}"


def _default(model: type[BaseModel], name: str) -> Any:
    return model.model_fields[name].default


def _most(model: type[BaseModel], name: str) -> str:
    metadata = model.model_fields[name].metadata
    [duration] = [each for each in metadata if isinstance(each, Duration)]
    return _time(duration.most)


_OBJECTS: Final = (
    ("one request: an upload URL, a form, an object URL", f"{MAX_UPLOAD_BYTES // _GIB} GiB"),
    ("multipart upload", f"{MAX_OBJECT_BYTES / _TIB:.1f} TiB; {MAX_PARTS:,} parts"),
    (
        "part",
        f"{MIN_PART_BYTES // _MIB} MiB to {MAX_PART_BYTES // _GIB} GiB; the last may be smaller",
    ),
    ("key", f"{MAX_KEY_BYTES:,} bytes of UTF-8"),
    ("metadata", f"{MAX_METADATA_BYTES:,} bytes, names and values"),
    ("tags", f"{MAX_TAGS}; keys of {MAX_TAG_KEY} characters, values of {MAX_TAG_VALUE}"),
)
_CALLS: Final = (
    ("batch", f"{MAX_BATCH:,} items, {MAX_BATCH_BYTES // _MIB} MiB", "422, 413"),
    (
        "URLs of parts",
        f"{MAX_PARTS_PER_REQUEST}; a creation signs the first {DEFAULT_PARTS_PER_REQUEST}",
        "422",
    ),
    ("list of objects or versions", "1,000 a page", "next page"),
    ("directory of a package index", f"{MAX_PAGES} pages", "422"),
    ("wheels without a checksum in a package index", f"{MAX_CHECKED} a request", "next request"),
    ("batch of Git LFS", f"{MAX_OBJECTS} objects", "413"),
    ("query of Turborepo", f"{MAX_HASHES} hashes", "400"),
    ("revision of the Hugging Face Hub", f"{MAX_FILES:,} files", "422"),
    ("refs of a repository of the Hub", f"{MAX_REFS} revisions", "422"),
    (
        "listings for the Hub at once",
        f"{MAX_AT_ONCE}, half for one caller",
        "503",
    ),
    ("message by MCP", f"{MAX_BODY_BYTES // 1024} KiB", "413"),
    (
        "names in an answer by MCP",
        f"{MAX_NAMES:,}, {MAX_BYTES // 1000} KB; a search: {MAX_LOOKED_AT:,}, in {MAX_PAGES} pages",
        "next page",
    ),
    ("events that a store pushes", f"{MAX_PUSH_BYTES // 1024**2} MiB", "413"),
    ("upload of MLflow", f"{MAX_MLFLOW_PARTS:,} parts", "422"),
    ("token", f"{MAX_TOKEN_LENGTH:,} characters", "401"),
)
_LIFETIMES: Final = (
    (
        "URL",
        _time(_default(ServerSettings, "default_expires_in")),
        f"the grant's `max_expires_in`, the rest of the session, and {_time(MAX_EXPIRES_IN)}",
    ),
    (
        "URL or cookies of [CloudFront](cloudfront.md)",
        _time(_default(ServerSettings, "default_expires_in")),
        f"the grant's `max_expires_in`, and {_time(MAX_DELIVERY_SECONDS)}",
    ),
    ("window of `stable_for`", "none", _time(MAX_STABLE_FOR)),
    ("object URL's redirect", _time(_default(ObjectUrlSettings, "expires_in")), "as a URL"),
    ("share link's redirect", _time(EXPIRES_IN), "always"),
    (
        "share link",
        _time(_default(GrantSettings, "max_link_expires_in")),
        f"the grant's `max_link_expires_in`, and {_time(LONGEST_LINK)}",
    ),
    ("signature of remote signing", _time(HEADER_SIGNATURE_SECONDS), "always"),
    (
        "session",
        _time(_default(BucketDefaults, "session_seconds")),
        f"the role's own maximum, and {_most(BucketDefaults, 'session_seconds')}",
    ),
    (
        "credentials for a program",
        f"a session's, for {_time(MIN_VENDED_SECONDS)} or longer",
        "as a session",
    ),
    (
        "issuer's token",
        "issuer's",
        f"`max_lifetime_seconds`, {_time(_default(IssuerSettings, 'max_lifetime_seconds'))} by default",
    ),
    (
        "issuer's keys",
        f"fetched every {_time(REFRESH_SECONDS)}",
        f"{_time(STALE_SECONDS)} without the issuer",
    ),
)
_KEPT: Final = (
    ("sessions in a replica", f"{MAX_SESSIONS:,}", "callers displace each other's"),
    (
        "sessions with credentials, per caller and bucket",
        f"{MAX_VENDED}",
        "503 `credentials_unavailable`",
    ),
    ("verified tokens in a replica", f"{MAX_TOKENS:,}", "the oldest is verified again"),
    ("callers counted for `rate_limit` in memory", f"{MAX_COUNTS:,}", "the oldest is dropped"),
    (
        "caller's links with `max_uses`, and revoked ones",
        f"{MOST_LINKS:,} each",
        "403 `limit_exceeded`",
    ),
    (
        "caller's listed links",
        f"{MOST_LISTED:,}, {PAGE_LINKS} a page",
        'the link works, with `"listed": false`',
    ),
)
TABLES: Final[Mapping[str, Sequence[tuple[str, ...]]]] = {
    "| of an object | |": _OBJECTS,
    "| of a call | | beyond |": _CALLS,
    "| lifetime of | default | at most |": _LIFETIMES,
    "| what is kept | | beyond |": _KEPT,
    "| of a request | | beyond |": BOUNDS,
}


def page(text: str) -> str:
    """Return the page with the current tables."""
    for head, rows in TABLES.items():
        before, begin, rest = text.partition(f"{head}\n")
        assert begin, head
        after = rest[rest.index("\n\n") :] if rest.startswith("|") else f"\n{rest}"
        line = f"|{' --- |' * len(rows[0])}"
        lines = [head, line, *(f"| {' | '.join(row)} |" for row in rows)]
        text = before + "\n".join(lines) + after
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
