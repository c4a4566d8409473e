"""What the Hub's API answers about revisions, files and folders, as JSON. Pure.

huggingface.co/docs/hub/api, and the classes that huggingface_hub makes of it in hf_api.py
"""

from collections.abc import Iterable
from typing import Any

from pydantic_core import to_json

from service.protocols.hugging_face.addresses import Repository
from service.protocols.hugging_face.revisions import Entry, Folder, RepoFile, Revision, tree_id


def render_info(repository: Repository, revision: Revision, *, blobs: bool) -> bytes:
    """Describe a revision and name its files. With `blobs` the files have sizes."""
    files = revision.files.values()
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
        "siblings": [_sibling(file, blobs=blobs) for file in files],
    }
    if revision.last_modified is not None:
        members["lastModified"] = revision.last_modified
    return to_json(members)


def render_entries(revision: Revision, entries: Iterable[Entry]) -> bytes:
    return to_json([_entry(revision, each) for each in entries])


def render_refs(refs: Iterable[tuple[str, str]]) -> bytes:
    """`refs` are names and shas."""
    branches = [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in refs
    ]
    return to_json({"branches": branches, "tags": [], "converts": [], "pullRequests": []})


def render_caller(name: str) -> bytes:
    return to_json({"type": "user", "name": name, "orgs": []})


def _sibling(file: RepoFile, *, blobs: bool) -> dict[str, Any]:
    sizes = {"size": file.size, "blobId": file.oid} if blobs else {}
    return {"rfilename": file.path, **sizes}


def _entry(revision: Revision, entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Folder):
        oid = tree_id(revision, entry)
        return {"type": "directory", "oid": oid, "size": 0, "path": entry.path}
    return {"type": "file", "oid": entry.oid, "size": entry.size, "path": entry.path}
