"""Reads the store's XML responses, and writes the one XML body that is sent to it.

The parser rejects entities. A document that is not what S3 sends raises StorageRefused, except for
an error document: that one then counts as empty.

docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html and its neighbours. Listings of a bucket
are in `listing_xml.py`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, cast, get_args
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
_ETAG = re.compile("[!#-~]{1,255}")
_ALGORITHMS: Final = cast("tuple[ChecksumAlgorithm, ...]", get_args(ChecksumAlgorithm))


@dataclass(frozen=True, slots=True)
class PartsPage:
    parts: list[UploadedPart]
    next_after: int | None  # the next page starts after this part


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
        return fields_of(root_of(body, "Error"))
    except StorageRefused:
        return {}


def created_upload(body: bytes) -> str:
    return text_of(fields_of(root_of(body, "InitiateMultipartUploadResult")), "UploadId")


def completed_etag(body: bytes) -> str:
    return quote_etag(text_of(fields_of(root_of(body, "CompleteMultipartUploadResult")), "ETag"))


def parts_page(body: bytes) -> PartsPage:
    root = root_of(body, "ListPartsResult", "ListPartsResponse")  # the second is moto 5.2.5's
    parts = [_part(fields_of(element)) for element in root.findall("Part")]
    # Not NextPartNumberMarker: stores differ in what they put there.
    return PartsPage(parts, parts[-1].part_number if is_truncated(root) and parts else None)


def quote_etag(etag: str) -> str:
    """Return the ETag in quotes, as in headers. Some stores send it without them."""
    bare = etag.strip('"')
    if _ETAG.fullmatch(bare) is None:
        raise invalid_response()
    return f'"{bare}"'


def _part(fields: Fields) -> UploadedPart:
    return UploadedPart(
        part_number=number_of(fields, "PartNumber", maximum=MAX_PARTS),
        etag=quote_etag(text_of(fields, "ETag")),
        content_length=number_of(fields, "Size", maximum=MAX_PART_BYTES),
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


def root_of(body: bytes, *names: str) -> Element:
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


def fields_of(element: Element) -> Fields:
    return {child.tag: child.text or "" for child in element}


def text_of(fields: Fields, name: str) -> str:
    text = fields.get(name)
    if not text:
        raise invalid_response()
    return text


def number_of(fields: Fields, name: str, *, maximum: int = MAX_OBJECT_BYTES) -> int:
    text = text_of(fields, name)
    if _NUMBER.fullmatch(text) is None or int(text) > maximum:
        raise invalid_response()
    return int(text)


def is_truncated(root: Element) -> bool:
    return root.findtext("IsTruncated") == "true"
