"""The few XML shapes that the store answers with, and the one that it is sent.

They are read by a parser that knows no entities.

docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html and its neighbours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args
from xml.etree.ElementTree import (
    Element,
    ParseError,
    SubElement,
    tostring,
)

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from service.errors import InvalidRequest, StorageRefused
from service.signing.multipart import UploadedPart
from service.signing.requests import Checksum, ChecksumAlgorithm

_ALGORITHMS: Final = cast("tuple[ChecksumAlgorithm, ...]", get_args(ChecksumAlgorithm))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An object in a listing. `etag` has its quotes."""

    key: str
    etag: str
    content_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """An upload that is neither completed nor aborted. `initiated` is RFC 3339."""

    key: str
    upload_id: str
    initiated: str


@dataclass(frozen=True, slots=True)
class PartsPage:
    parts: list[UploadedPart]
    next_after: int | None  # the part that the next page begins after


@dataclass(frozen=True, slots=True)
class Markers:
    """Where a page of uploads begins, in the store's own words: some give one, some the other."""

    key: str | None
    upload_id: str | None


@dataclass(frozen=True, slots=True)
class UploadsPage:
    uploads: list[OpenUpload]
    markers: Markers | None  # of the next page


def completion(parts: Sequence[UploadedPart]) -> bytes:
    """The body of a completion, which says what the object is made of."""
    root = Element("CompleteMultipartUpload", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    for part in parts:
        element = SubElement(root, "Part")
        SubElement(element, "PartNumber").text = str(part.part_number)
        SubElement(element, "ETag").text = part.etag
        if part.checksum is not None:
            SubElement(element, f"Checksum{part.checksum.algorithm}").text = part.checksum.value
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def error_code(body: bytes) -> str | None:
    """What S3 calls an error, or None if the document tells of none."""
    try:
        root = _root(body)
    except StorageRefused:
        return None
    return root.findtext("Code") if root.tag == "Error" else None


def created_upload(body: bytes) -> str:
    return _text(_root(body), "UploadId")


def completed_etag(body: bytes) -> str:
    return quoted(_text(_root(body), "ETag"))


def parts_page(body: bytes) -> PartsPage:
    root = _root(body)
    parts = [_part(element) for element in root.findall("Part")]
    # The number of the last part will do too: stores differ in what their marker is.
    return PartsPage(parts, parts[-1].part_number if _is_cut(root) and parts else None)


def listed(body: bytes) -> list[Listed]:
    return [
        Listed(
            key=_text(element, "Key"),
            etag=quoted(_text(element, "ETag")),
            content_length=_number(element, "Size"),
        )
        for element in _root(body).findall("Contents")
    ]


def uploads_page(body: bytes) -> UploadsPage:
    root = _root(body)
    uploads = [
        OpenUpload(
            key=_text(element, "Key"),
            upload_id=_text(element, "UploadId"),
            initiated=_text(element, "Initiated"),
        )
        for element in root.findall("Upload")
    ]
    markers = Markers(root.findtext("NextKeyMarker"), root.findtext("NextUploadIdMarker"))
    return UploadsPage(uploads, markers if _is_cut(root) else None)


def quoted(etag: str) -> str:
    """As headers have it; stores differ in what they write."""
    bare = etag.strip('"')
    return f'"{bare}"'


def _part(element: Element) -> UploadedPart:
    return UploadedPart(
        part_number=_number(element, "PartNumber"),
        etag=quoted(_text(element, "ETag")),
        content_length=_number(element, "Size"),
        checksum=_checksum(element),
    )


def _checksum(element: Element) -> Checksum | None:
    for name in _ALGORITHMS:
        if value := element.findtext(f"Checksum{name}"):
            try:
                return Checksum(algorithm=name, value=value)
            except InvalidRequest:
                raise _unreadable() from None
    return None


def _root(body: bytes) -> Element:
    """The document without namespaces, which some stores leave out."""
    try:
        root: Element = fromstring(body.strip(), forbid_dtd=True)  # S3 sends spaces while it works
    except (ParseError, DefusedXmlException, ValueError):
        raise _unreadable() from None
    for element in cast("Iterable[Element]", root.iter()):
        element.tag = element.tag.rpartition("}")[2]
    return root


def _text(element: Element, name: str) -> str:
    text = element.findtext(name)
    if not text:
        raise _unreadable()
    return text


def _number(element: Element, name: str) -> int:
    text = _text(element, name)
    if not text.isdecimal():
        raise _unreadable()
    return int(text)


def _is_cut(root: Element) -> bool:
    return root.findtext("IsTruncated") == "true"


def _unreadable() -> StorageRefused:
    return StorageRefused("The store's answer is not what S3 answers.")
