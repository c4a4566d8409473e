"""Reads the body of DeleteObjects: the keys that the store would delete. Pure.

The store reads the same text with a parser of its own. So everything is refused that two parsers
may read differently: entities, comments, CDATA, attributes, prefixes, another encoding than UTF-8,
and elements that S3 does not know. Most of that is refused before the text is parsed, which takes
4 µs for each tag: what is parsed has no more tags than the objects that it names need.

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
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_S3: Final = f"{{{_NAMESPACE}}}"
_DECLARATION: Final = re.compile(
    r"""<\?xml version=["']1\.0["'](?: encoding=["'](?i:utf-8)["'])?"""
    r"""(?: standalone=["'](?:yes|no)["'])? ?\?>"""
)
_OF_AN_OBJECT: Final = frozenset({"Key", "VersionId", "ETag", "LastModifiedTime", "Size"})
_ELEMENTS: Final = "|".join(["Delete", "Object", "Quiet", *sorted(_OF_AN_OBJECT)])
_OTHER_TAG: Final = re.compile(
    rf"""<(?!/?(?:{_ELEMENTS})\s*/?>|Delete\s+xmlns=["']{re.escape(_NAMESPACE)}["']\s*>)"""
)
_TAGS_OF_AN_OBJECT: Final = 2 * (1 + len(_OF_AN_OBJECT))
_OTHER_TAGS: Final = 4  # of `Delete` and `Quiet`
_UNREADABLE: Final = "The body must be the XML of DeleteObjects: `Object` and `Quiet`, and no more."


class DeletedObject(NamedTuple):
    key: str
    is_version: bool


def count_objects(body: str) -> int:
    """Return how many objects a body names, without parsing it. Exact, if it can be read."""
    return body.count("<Object")


def deleted_objects(body: str) -> list[DeletedObject]:
    """Raises InvalidRequest unless the body names 1 to 1,000 objects, each by a valid key."""
    if not 0 < count_objects(body) <= MAX_OBJECTS:
        raise InvalidRequest(f"DeleteObjects names 1 to {MAX_OBJECTS} objects.")
    root = _parse(body)
    namespace = root.tag.removesuffix("Delete")
    if namespace not in {"", _S3} or root.tag != f"{namespace}Delete":
        raise InvalidRequest(_UNREADABLE)
    objects = [child for child in root if child.tag == f"{namespace}Object"]
    others = [child for child in root if child.tag != f"{namespace}Object"]
    if any(child.tag != f"{namespace}Quiet" or len(child) for child in others) or len(others) > 1:
        raise InvalidRequest(_UNREADABLE)
    return [_deleted(child, namespace) for child in objects]


def _parse(body: str) -> Element:
    elements = _DECLARATION.sub("", body, count=1) if body.startswith("<?") else body
    most_tags = count_objects(body) * _TAGS_OF_AN_OBJECT + _OTHER_TAGS
    if elements.count("<") > most_tags or _OTHER_TAG.search(elements) is not None:
        raise InvalidRequest(_UNREADABLE)
    try:
        root: Element = fromstring(body.encode(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError):
        raise InvalidRequest(_UNREADABLE) from None
    return root


def _deleted(element: Element, namespace: str) -> DeletedObject:
    values = {child.tag.removeprefix(namespace): child.text or "" for child in element}
    is_known = len(values) == len(element) and values.keys() <= _OF_AN_OBJECT
    if not is_known or any(len(child) for child in element):
        raise InvalidRequest(_UNREADABLE)
    check_key(values.get("Key", ""))
    return DeletedObject(values["Key"], "VersionId" in values)
