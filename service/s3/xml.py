"""Reads the store's XML responses, and writes the one XML body that is sent to it.

The parser rejects entities. A document that is not what S3 sends raises StorageRefused, except for
an error document: that one then counts as empty.

docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html and its neighbours.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Final, cast, get_args
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from service.errors import InvalidRequest, StorageRefused
from service.s3.errors import invalid_response
from service.signing.actions import Checksum, ChecksumAlgorithm
from service.signing.multipart_actions import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    UploadedPart,
)

Fields = Mapping[str, str]

_S3: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_NUMBER = re.compile("[0-9]{1,20}")
_ENCODED = re.compile("(?:[A-Za-z0-9._~*/+-]|%[0-9A-Fa-f]{2})+")
_ETAG = re.compile("[!#-~]{1,255}")
_ALGORITHMS: Final = cast("tuple[ChecksumAlgorithm, ...]", get_args(ChecksumAlgorithm))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """An object in a listing. `etag` is in quotes; `last_modified` is the store's text, RFC 3339."""

    key: str
    etag: str
    content_length: int
    last_modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsPage:
    """A page of a listing. `prefixes` are the common ones; `next_token` is None on the last page."""

    objects: list[ListedObject]
    prefixes: list[str]
    next_token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """An upload that is neither completed nor aborted. `initiated` is RFC 3339.

    `encoded_key` is the key as it is in the listing, if it may be encoded: SeaweedFS declares an
    encoding, but does not apply it.
    """

    key: str
    upload_id: str
    initiated: str
    encoded_key: str | None = None


@dataclass(frozen=True, slots=True)
class PartsPage:
    parts: list[UploadedPart]
    next_after: int | None  # the next page starts after this part


@dataclass(frozen=True, slots=True)
class Markers:
    """Where the next page of uploads starts. Some stores send only one of the two markers."""

    key: str | None
    upload_id: str | None


@dataclass(frozen=True, slots=True)
class UploadsPage:
    uploads: list[OpenUpload]
    markers: Markers | None  # None on the last page


def completion_body(parts: Sequence[UploadedPart]) -> bytes:
    """Return the body of a CompleteMultipartUpload."""
    # Not an ElementTree: with 10,000 parts it would block the event loop for 70 ms.
    elements = "".join(map(_part_element, parts))
    return f'<CompleteMultipartUpload xmlns="{_S3}">{elements}</CompleteMultipartUpload>'.encode()


def _part_element(part: UploadedPart) -> str:
    checksum = ""
    if part.checksum is not None:
        name = f"Checksum{part.checksum.algorithm}"
        checksum = f"<{name}>{escape(part.checksum.value)}</{name}>"
    number = f"<PartNumber>{part.part_number}</PartNumber>"
    return f"<Part>{number}<ETag>{escape(part.etag)}</ETag>{checksum}</Part>"


def error_code(body: bytes) -> str | None:
    """Return S3's error code, or None if the document is not an error."""
    return error_fields(body).get("Code")


def error_fields(body: bytes) -> Fields:
    """Return all fields of an error, or nothing if the document is not an error."""
    try:
        return _fields(_root(body, "Error"))
    except StorageRefused:
        return {}


def created_upload(body: bytes) -> str:
    return _text(_fields(_root(body, "InitiateMultipartUploadResult")), "UploadId")


def completed_etag(body: bytes) -> str:
    return quote_etag(_text(_fields(_root(body, "CompleteMultipartUploadResult")), "ETag"))


def parts_page(body: bytes) -> PartsPage:
    root = _root(body, "ListPartsResult", "ListPartsResponse")  # the second is moto 5.2.5's
    parts = [_part(_fields(element)) for element in root.findall("Part")]
    # Not NextPartNumberMarker: stores differ in what they put there.
    return PartsPage(parts, parts[-1].part_number if _is_truncated(root) and parts else None)


def listed_objects(body: bytes) -> list[ListedObject]:
    return [_listed(_fields(each)) for each in _root(body, "ListBucketResult").findall("Contents")]


def objects_page(body: bytes) -> ObjectsPage:
    """Return a page that was requested with `encoding-type=url`."""
    root = _root(body, "ListBucketResult")
    contents = map(_fields, root.findall("Contents"))
    objects = [_listed(each) for each in contents if not _is_empty_directory(each)]
    prefixes = [_text(_fields(each), "Prefix") for each in root.findall("CommonPrefixes")]
    # A store may declare the encoding and not apply it: then some name is not encoded.
    names = [*(each.key for each in objects), *prefixes]
    if root.findtext("EncodingType") == "url" and all(map(_ENCODED.fullmatch, names)):
        objects = [replace(each, key=unquote_plus(each.key)) for each in objects]
        prefixes = [unquote_plus(prefix) for prefix in prefixes]
    token = root.findtext("NextContinuationToken") if _is_truncated(root) else None
    return ObjectsPage(objects=objects, prefixes=prefixes, next_token=token or None)


def uploads_page(body: bytes) -> UploadsPage:
    root = _root(body, "ListMultipartUploadsResult")
    encoded = root.findtext("EncodingType") == "url"
    uploads = [_open_upload(_fields(each), encoded=encoded) for each in root.findall("Upload")]
    markers = Markers(root.findtext("NextKeyMarker"), root.findtext("NextUploadIdMarker"))
    return UploadsPage(uploads, markers if _is_truncated(root) else None)


def quote_etag(etag: str) -> str:
    """Return the ETag in quotes, as in headers. Some stores send it without them."""
    bare = etag.strip('"')
    if _ETAG.fullmatch(bare) is None:
        raise invalid_response()
    return f'"{bare}"'


def _is_empty_directory(fields: Fields) -> bool:
    """Whether this is no object: SeaweedFS lists a directory whose objects were all deleted."""
    return fields.get("Key", "").endswith("/") and fields.get("ETag") == '""'


def _listed(fields: Fields) -> ListedObject:
    return ListedObject(
        key=_text(fields, "Key"),
        etag=quote_etag(_text(fields, "ETag")),
        content_length=_number(fields, "Size"),
        last_modified=fields.get("LastModified", ""),
    )


def _open_upload(fields: Fields, *, encoded: bool) -> OpenUpload:
    key = _text(fields, "Key")
    is_encoded = encoded and _ENCODED.fullmatch(key) is not None
    return OpenUpload(
        key=unquote_plus(key) if is_encoded else key,
        upload_id=_text(fields, "UploadId"),
        initiated=_text(fields, "Initiated"),
        encoded_key=key if is_encoded else None,
    )


def _part(fields: Fields) -> UploadedPart:
    return UploadedPart(
        part_number=_number(fields, "PartNumber", maximum=MAX_PARTS),
        etag=quote_etag(_text(fields, "ETag")),
        content_length=_number(fields, "Size", maximum=MAX_PART_BYTES),
        checksum=_checksum(fields),
    )


def _checksum(fields: Fields) -> Checksum | None:
    for name in _ALGORITHMS:
        if value := fields.get(f"Checksum{name}"):
            try:
                return Checksum(algorithm=name, value=value)
            except InvalidRequest:
                raise invalid_response() from None
    return None


def _root(body: bytes, *names: str) -> Element:
    """Return the root element, without namespaces, which some stores omit.

    Raises StorageRefused unless it has one of `names`: a proxy's error page must not pass for an
    empty list.
    """
    try:
        root: Element = fromstring(body.strip(), forbid_dtd=True)  # S3 may send spaces first
    except (ParseError, DefusedXmlException, ValueError, LookupError):  # unknown encodings
        raise invalid_response() from None
    for element in cast("Iterable[Element]", root.iter()):
        element.tag = element.tag.rpartition("}")[2]
    if root.tag not in names:
        raise invalid_response()
    return root


def _fields(element: Element) -> Fields:
    return {child.tag: child.text or "" for child in element}


def _text(fields: Fields, name: str) -> str:
    text = fields.get(name)
    if not text:
        raise invalid_response()
    return text


def _number(fields: Fields, name: str, *, maximum: int = MAX_OBJECT_BYTES) -> int:
    text = _text(fields, name)
    if _NUMBER.fullmatch(text) is None or int(text) > maximum:
        raise invalid_response()
    return int(text)


def _is_truncated(root: Element) -> bool:
    return root.findtext("IsTruncated") == "true"
