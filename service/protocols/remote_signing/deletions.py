"""Reads the body of DeleteObjects: the keys that the store would delete. Pure.

The store reads the same text with a parser of its own. So everything is refused that two parsers
may read differently: entities, comments, CDATA, attributes, another encoding than UTF-8, and
elements that S3 does not know.

docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

import re
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from service.errors import InvalidRequest
from service.signing.validation import check_key

MAX_OBJECTS: Final = 1000
_S3: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_DECLARATION: Final = re.compile(
    r"""<\?xml version=["']1\.0["'](?: encoding=["'](?i:utf-8)["'])?"""
    r"""(?: standalone=["'](?:yes|no)["'])? ?\?>"""
)
_OF_AN_OBJECT: Final = frozenset({"Key", "VersionId", "ETag", "LastModifiedTime", "Size"})
# Parsing takes 4 µs for each tag. An object has two, and two for each of its elements.
_MAX_TAGS: Final = MAX_OBJECTS * 2 * (1 + len(_OF_AN_OBJECT)) + 6
_UNREADABLE: Final = "The body must be the XML of DeleteObjects: `Object` and `Quiet`, and no more."


class DeletedObject(NamedTuple):
    key: str
    is_version: bool


def deleted_objects(body: str) -> list[DeletedObject]:
    """Raises InvalidRequest unless the body names 1 to 1,000 objects, each by a valid key."""
    root = _parse(body)
    namespace = root.tag.removesuffix("Delete")
    if namespace not in {"", _S3} or root.tag != f"{namespace}Delete":
        raise InvalidRequest(_UNREADABLE)
    objects = [each for each in root if each.tag == f"{namespace}Object"]
    others = [each for each in root if each.tag != f"{namespace}Object"]
    if any(each.tag != f"{namespace}Quiet" or len(each) for each in others) or len(others) > 1:
        raise InvalidRequest(_UNREADABLE)
    if not 0 < len(objects) <= MAX_OBJECTS:
        raise InvalidRequest(f"DeleteObjects names 1 to {MAX_OBJECTS} objects.")
    return [_deleted(each, namespace) for each in objects]


def _parse(body: str) -> Element:
    elements = _DECLARATION.sub("", body, count=1) if body.startswith("<?") else body
    if "<!" in elements or "<?" in elements or elements.count("<") > _MAX_TAGS:
        raise InvalidRequest(_UNREADABLE)
    try:
        root: Element = fromstring(body.encode(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError):
        raise InvalidRequest(_UNREADABLE) from None
    if any(each.attrib for each in root.iter()):
        raise InvalidRequest(_UNREADABLE)
    return root


def _deleted(element: Element, namespace: str) -> DeletedObject:
    values = {each.tag.removeprefix(namespace): each.text or "" for each in element}
    is_known = len(values) == len(element) and values.keys() <= _OF_AN_OBJECT
    if not is_known or any(len(each) for each in element):
        raise InvalidRequest(_UNREADABLE)
    check_key(values.get("Key", ""))
    return DeletedObject(values["Key"], "VersionId" in values)
