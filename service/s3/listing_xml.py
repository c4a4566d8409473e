"""Reads the store's listings of a bucket: objects and their versions.

docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html and …/API_ListObjectVersions.html.
"""

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from service.s3.errors import invalid_response
from service.s3.xml import Fields, fields_of, is_truncated, number_of, quote_etag, root_of, text_of

# What the store's times should be: in UTC, as S3 writes them.
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_ENCODED = re.compile("(?:[A-Za-z0-9._~*/+-]|%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """An object in a listing. `etag` is in quotes, `last_modified` the store's text (RFC 3339)."""

    key: str
    etag: str
    content_length: int
    last_modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsPage:
    """A page of a listing. `prefixes` are common ones; `next_token` is None on the last page."""

    objects: list[ListedObject]
    prefixes: list[str]
    next_token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectVersion:
    """A version of an object, or a delete marker, which has no `etag` and no `content_length`."""

    key: str
    version_id: str
    is_latest: bool
    last_modified: str
    etag: str | None = None
    content_length: int | None = None


@dataclass(frozen=True, slots=True)
class VersionMarkers:
    """Where the next page of versions starts. After a common prefix there is no version id."""

    key: str
    version_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsPage:
    """A page by key, the latest version of a key first, and otherwise in the store's order."""

    versions: list[ObjectVersion]
    prefixes: list[str]
    markers: VersionMarkers | None  # None on the last page


def listed_objects(body: bytes) -> list[ListedObject]:
    return [
        _listed(fields_of(each)) for each in root_of(body, "ListBucketResult").findall("Contents")
    ]


def objects_page(body: bytes) -> ObjectsPage:
    """Return a page that was requested with `encoding-type=url`."""
    root = root_of(body, "ListBucketResult")
    contents = map(fields_of, root.findall("Contents"))
    objects = [_listed(element) for element in contents if not _is_empty_directory(element)]
    prefixes = _prefixes(root)
    if _is_encoded(root, [*(each.key for each in objects), *prefixes]):
        objects = [replace(item, key=unquote_plus(item.key)) for item in objects]
        prefixes = [unquote_plus(prefix) for prefix in prefixes]
    token = root.findtext("NextContinuationToken") if is_truncated(root) else None
    return ObjectsPage(objects=objects, prefixes=prefixes, next_token=token or None)


def versions_page(body: bytes) -> VersionsPage:
    """Return a page that was requested with `encoding-type=url`."""
    root = root_of(body, "ListVersionsResult")
    found = [each for each in root if each.tag in {"Version", "DeleteMarker"}]
    versions = [_version(fields_of(each), has_data=each.tag == "Version") for each in found]
    prefixes = _prefixes(root)
    is_encoded = _is_encoded(root, [*(each.key for each in versions), *prefixes])
    if is_encoded:
        versions = [replace(version, key=unquote_plus(version.key)) for version in versions]
        prefixes = [unquote_plus(prefix) for prefix in prefixes]
    # moto 5.2.5 lists the delete markers after all versions. The times do not tell: that of an
    # object in parts is when its upload began.
    versions.sort(key=lambda each: (each.key.encode(), not each.is_latest))
    names = [*(each.key for each in versions), *prefixes]
    markers = _version_markers(root, names, is_encoded=is_encoded) if is_truncated(root) else None
    return VersionsPage(versions=versions, prefixes=prefixes, markers=markers)


def _version_markers(root: Element, names: list[str], *, is_encoded: bool) -> VersionMarkers:
    """Raises StorageRefused without a marker: a part of a list must not pass for all of it.

    `names` are those of the page. Ceph encodes them, but not the marker, which is the last of them.
    """
    marker = root.findtext("NextKeyMarker")
    if not marker:
        raise invalid_response()
    if is_encoded and marker != max(names, key=str.encode, default=None):
        marker = unquote_plus(marker)
    return VersionMarkers(marker, root.findtext("NextVersionIdMarker") or None)


def _prefixes(root: Element) -> list[str]:
    return [text_of(fields_of(each), "Prefix") for each in root.findall("CommonPrefixes")]


def _is_encoded(root: Element, names: list[str]) -> bool:
    """A store may declare the encoding and not apply it: then some name is not encoded."""
    return root.findtext("EncodingType") == "url" and all(map(_ENCODED.fullmatch, names))


def _is_empty_directory(fields: Fields) -> bool:
    """Whether this is no object: SeaweedFS lists a directory whose objects were all deleted."""
    return fields.get("Key", "").endswith("/") and fields.get("ETag") == '""'


def _listed(fields: Fields) -> ListedObject:
    return ListedObject(
        key=text_of(fields, "Key"),
        etag=quote_etag(text_of(fields, "ETag")),
        content_length=number_of(fields, "Size"),
        last_modified=fields.get("LastModified", ""),
    )


def _version(fields: Fields, *, has_data: bool) -> ObjectVersion:
    return ObjectVersion(
        key=text_of(fields, "Key"),
        version_id=text_of(fields, "VersionId"),
        is_latest=fields.get("IsLatest") == "true",
        last_modified=fields.get("LastModified", ""),
        etag=quote_etag(text_of(fields, "ETag")) if has_data else None,
        content_length=number_of(fields, "Size") if has_data else None,
    )
