"""Renders an index as HTML (PEP 503) or JSON (PEP 691). Pure.

The links are relative, so that a proxy may serve the index and the object URLs under another path.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import quote

from pydantic_core import to_json

from service.api.html_page import html_page
from service.protocols.package_index.files import ProjectFile

JSON: Final = "application/vnd.pypi.simple.v1+json"
HTML: Final = "application/vnd.pypi.simple.v1+html"
_META: Final = {"api-version": "1.1"}  # the first with `versions`, `size` and `upload-time`
_VERSION: Final = '<meta name="pypi:repository-version" content="1.1">'
_FROM_INDEX: Final = "../../"  # from /simple/{name}/ to /
_FROM_PROJECT: Final = "../../../"  # from /simple/{name}/{project}/


def index_page(name: str, projects: Iterable[str], media_type: str) -> bytes:
    if media_type == JSON:
        return to_json({"meta": _META, "projects": [{"name": project} for project in projects]})
    links = [f'<a href="{project}/">{project}</a><br>' for project in projects]
    return html_page(name, links, root=_FROM_INDEX, head=_VERSION)


def project_page(name: str, bucket: str, files: Sequence[ProjectFile], media_type: str) -> bytes:
    if media_type == JSON:
        versions = dict.fromkeys(file.version for file in files if file.version)
        members = {"meta": _META, "name": name, "versions": list(versions)}
        return to_json({**members, "files": [_members(bucket, file) for file in files]})
    links = [_link(bucket, file) for file in files]
    return html_page(name, links, root=_FROM_PROJECT, head=_VERSION)


def _members(bucket: str, file: ProjectFile) -> dict[str, Any]:
    members = {
        "filename": file.name,
        "url": _url(bucket, file),
        "hashes": {} if file.sha256 is None else {"sha256": file.sha256},
        "size": file.size,
        "core-metadata": file.has_metadata,
    }
    return members if file.upload_time is None else {**members, "upload-time": file.upload_time}


def _link(bucket: str, file: ProjectFile) -> str:
    metadata = ' data-core-metadata="true"' if file.has_metadata else ""
    fragment = "" if file.sha256 is None else f"#sha256={file.sha256}"
    return f'<a href="{_url(bucket, file)}{fragment}"{metadata}>{escape(file.name)}</a><br>'


def _url(bucket: str, file: ProjectFile) -> str:
    return f"{_FROM_PROJECT}o/{quote(bucket, safe='')}/{quote(file.key)}"
