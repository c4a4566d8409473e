"""The queries and bodies that the Hub's clients send, and the JSON that they get. Pure.

What they send may grow: what is unknown is ignored. huggingface.co/docs/hub/api, and the classes
that huggingface_hub makes of the answers in hf_api.py
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from pydantic_core import to_json

from service.errors import InvalidJson, InvalidRequest
from service.protocols.hugging_face.addresses import Repository
from service.protocols.hugging_face.revisions import Entry, Folder, Revision, tree_id

PAGE_ENTRIES: Final = 1000  # of a tree, as at the Hub
MAX_BODY_BYTES: Final = 256 * 1024
_MAX_FIELDS: Final = 10_000
_JSON: Final = "application/json"
_TRUE: Final = frozenset({"true", "1"})


@dataclass(frozen=True, slots=True)
class TreeQuery:
    """`cursor` is the last path of the page before."""

    recursive: bool
    cursor: str

    def next_page(self, last: str) -> str:
        """Return the query of the page after the one that ends with the path `last`."""
        values = {"recursive": str(self.recursive).lower(), "cursor": last}
        return urlencode(values, quote_via=quote, safe="")


def tree_query(query: bytes) -> TreeQuery:
    values = dict(_pairs(query))
    return TreeQuery(_is_true(values, "recursive"), values.get("cursor", ""))


def wants_blobs(query: bytes) -> bool:
    return _is_true(dict(_pairs(query)), "blobs")


def paths_of(body: bytes, content_type: str) -> Sequence[str]:
    """Return the paths that a form or JSON names. Raises InvalidRequest and InvalidJson."""
    if content_type.partition(";")[0].strip().lower() == _JSON:
        return _paths_of_json(body)
    return [value for name, value in _pairs(body) if name == "paths"]


def _paths_of_json(body: bytes) -> Sequence[str]:
    try:
        members: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidJson("The body is not JSON in UTF-8.") from None
    found: Any = members.get("paths") if isinstance(members, dict) else None
    paths: list[Any] = found if isinstance(found, list) else [found]
    if len(paths) > _MAX_FIELDS or not all(isinstance(path, str) for path in paths):
        detail = f"Give a list of at most {_MAX_FIELDS:,} texts."
        raise InvalidRequest(detail, pointer="#/paths")
    return paths


def _pairs(text: bytes) -> list[tuple[str, str]]:
    """Raises InvalidRequest unless it is percent-encoded UTF-8 with few fields."""
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        detail = f"Send percent-encoded UTF-8 with at most {_MAX_FIELDS:,} fields."
        raise InvalidRequest(detail) from None


def _is_true(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "").lower() in _TRUE


def render_info(repository: Repository, revision: Revision, *, blobs: bool) -> bytes:
    """Describe a revision and name its files. With `blobs` the files have sizes."""
    members: dict[str, Any] = {
        "_id": repository.id,
        "id": repository.id,
        "author": repository.organization,
        "sha": revision.sha,
        "private": True,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [
            {"rfilename": file.path, "size": file.size, "blobId": file.oid}
            if blobs
            else {"rfilename": file.path}
            for file in revision.files.values()
        ],
    }
    if revision.last_modified is not None:
        members["lastModified"] = revision.last_modified
    return to_json(members)


def render_entries(revision: Revision, entries: Iterable[Entry]) -> bytes:
    return to_json([_entry(revision, entry) for entry in entries])


def render_refs(refs: Iterable[tuple[str, str]]) -> bytes:
    """`refs` are names and shas."""
    branches = [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in refs
    ]
    return to_json({"branches": branches, "tags": [], "converts": [], "pullRequests": []})


def render_caller(name: str) -> bytes:
    return to_json({"type": "user", "name": name, "orgs": []})


def _entry(revision: Revision, entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Folder):
        oid = tree_id(revision, entry)
        return {"type": "directory", "oid": oid, "size": 0, "path": entry.path}
    return {"type": "file", "oid": entry.oid, "size": entry.size, "path": entry.path}
