"""An object's tags: what S3 accepts, and how they are sent in a header or a form.

docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode

from service.errors import InvalidRequest

Tags = tuple[tuple[str, str], ...]

MAX_TAGS: Final = 10
MAX_TAG_KEY: Final = 128
MAX_TAG_VALUE: Final = 256
MAX_TAGS_BYTES: Final = 4096  # encoded; S3 takes 8 KB of headers: …/userguide/UsingMetadata.html

_TAG = re.compile(r"[\w +\-=.:/@]*")


def check_tags(tags: Tags) -> None:
    if len(tags) > MAX_TAGS:
        raise InvalidRequest(f"At most {MAX_TAGS} tags are allowed.", pointer="#/tags")
    for key, value in tags:
        _check_tag(key, value)
    if tags and len(tagging_header(tags)) > MAX_TAGS_BYTES:
        detail = f"At most {MAX_TAGS_BYTES} bytes of encoded tags are allowed."
        raise InvalidRequest(detail, pointer="#/tags")


@lru_cache(maxsize=256)  # callers often repeat the same tags
def tagging_header(tags: Tags) -> str:
    """Return the value of `x-amz-tagging`, which is a URL query.

    A space is `%20`, which every store decodes. Ceph RGW does not decode `+`.
    """
    return urlencode(tags, quote_via=quote, safe="")


def tagging_document(tags: Tags) -> str:
    """Return the form field `tagging`, which is XML: …/AmazonS3/latest/API/RESTObjectPOST.html.

    Characters that `check_tags` allows need no escaping.
    """
    each = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in tags)
    return f"<Tagging><TagSet>{each}</TagSet></Tagging>"


def _check_tag(key: str, value: str) -> None:
    if not 1 <= len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
        limits = f"a key of 1 to {MAX_TAG_KEY} and a value of at most {MAX_TAG_VALUE} characters"
        raise InvalidRequest(f"A tag has {limits}.", pointer="#/tags")
    if _TAG.fullmatch(key) is None or _TAG.fullmatch(value) is None:
        detail = "A tag can only have letters, digits, spaces and + - = . _ : / @."
        raise InvalidRequest(detail, pointer="#/tags")
