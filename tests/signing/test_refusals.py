"""The errors of invalid values: pointer and detail, which never repeat what was sent."""

from collections.abc import Callable
from functools import partial
from typing import Final

import pytest

from service.errors import InvalidRequest
from service.signing.actions import (
    Checksum,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    ListObjectVersions,
    PutObject,
)
from service.signing.content_disposition import content_disposition
from service.signing.metadata import check_metadata
from service.signing.multipart_actions import (
    CompleteMultipartUpload,
    CreateMultipartUpload,
    check_upload_id,
)
from service.signing.post_policy import PostObject
from service.signing.tags import check_tags
from service.signing.validation import (
    check_header_value,
    check_key,
    check_media_type,
    check_prefix,
    check_text,
)

Attempt = Callable[[], object]

NO_CONTROLS: Final = "Control characters are not allowed."
NO_CONTROLS_IN_KEYS: Final = "Control characters and lone surrogates are not allowed."
NO_CONTROLS_IN_NAMES: Final = "A file name cannot have control characters."
NO_DOTS: Final = "A segment `.` or `..` is not allowed: HTTP clients rewrite it."
VISIBLE: Final = "Only visible ASCII characters, with spaces between them, are allowed."
ONE_TYPE: Final = "Give one media type, such as text/plain; charset=utf-8. Quote any commas."
NO_VARIABLE: Final = "The store would replace ${filename} in it."
WHOLE: Final = "For the whole object, use one of CRC32, CRC32C, CRC64NVME."
LONG_METADATA: Final = "At most 2048 bytes of names and values are allowed."
METADATA_NAME: Final = "A metadata name can only have lower-case letters, digits, `-` and `_`."
RESERVED: Final = (
    "A metadata name must not contain `snowball`, or start with `minio-` or `rustfs-`: "
    "some stores act on such names."
)
TAG_LENGTHS: Final = "A tag has a key of 1 to 128 and a value of at most 256 characters."
TAG_LETTERS: Final = "A tag can only have letters, digits, spaces and + - = . _ : / @."
LONG_TAGS: Final = "At most 4096 bytes of encoded tags are allowed."
MANY_TAGS: Final = tuple((str(n), "=" * 256) for n in range(5))  # 768 bytes each, encoded
ELEVEN_TAGS: Final = tuple((str(n), "") for n in range(11))
SHA1: Final = Checksum(algorithm="SHA1", value="A" * 27 + "=")

put: Final = partial(PutObject, content_length=5)
form: Final = partial(PostObject, max_content_length=10)
complete: Final = partial(CompleteMultipartUpload, upload_id="u", content_length=7)

REFUSED: Final[list[tuple[str, str, Attempt]]] = [
    ("#/key", "The key must not be empty.", lambda: check_key("")),
    ("#/key", NO_DOTS, lambda: check_key("..")),
    ("#/items/3/key", NO_DOTS, lambda: check_key("..", pointer="#/items/3/key")),
    ("#/prefix", NO_DOTS, lambda: check_prefix("..")),
    ("#/prefix", NO_CONTROLS_IN_KEYS, lambda: check_prefix("\n")),
    ("#/key", "At most 1024 bytes of UTF-8 are allowed.", lambda: check_key("\u00e9" * 513)),
    ("#/x", VISIBLE, lambda: check_header_value("\u00e9", pointer="#/x")),
    ("#/x", VISIBLE, lambda: check_media_type("\u00e9", pointer="#/x")),
    ("#/x", ONE_TYPE, lambda: check_media_type("text", pointer="#/x")),
    ("#/x", NO_CONTROLS, lambda: check_text("\n", pointer="#/x")),
    ("#/filename", NO_CONTROLS_IN_NAMES, lambda: content_disposition("inline", "\n")),
    ("#/version_id", NO_CONTROLS, lambda: GetObject(version_id="\n")),
    ("#/version_id", NO_CONTROLS, lambda: HeadObject(version_id="\n")),
    ("#/version_id", NO_CONTROLS, lambda: DeleteObject(version_id="\n")),
    ("#/delimiter", NO_CONTROLS, lambda: ListObjects(prefix="", delimiter="\n")),
    ("#/delimiter", NO_CONTROLS, lambda: ListObjectVersions(prefix="", delimiter="\n")),
    ("#/continuation_token", NO_CONTROLS, lambda: ListObjects(prefix="", continuation_token="\n")),
    ("#/content_disposition", VISIBLE, lambda: put(content_disposition="\n")),
    ("#/kms_key_id", VISIBLE, lambda: Encryption(algorithm="aws:kms", kms_key_id="\n")),
    (
        "#/checksum/value",
        "CRC32 is 4 bytes in base64.",
        lambda: Checksum(algorithm="CRC32", value=""),
    ),
    ("#/checksum/algorithm", WHOLE, lambda: complete(checksum=SHA1)),
    ("#/content_type", VISIBLE, lambda: CreateMultipartUpload(content_type="a\r\nb")),
    ("#/metadata", METADATA_NAME, lambda: CreateMultipartUpload(metadata=(("A", "v"),))),
    ("#/storage_class", VISIBLE, lambda: CreateMultipartUpload(storage_class=" a")),
    (
        "#/upload_id",
        "An upload id has at most 1024 characters.",
        lambda: check_upload_id("x" * 1025),
    ),
    ("#/upload_id", "An upload id cannot have a slash.", lambda: check_upload_id("a/b")),
    ("#/upload_id", VISIBLE, lambda: check_upload_id("a\n")),
    (
        "#/min_content_length",
        "The minimum size is larger than the maximum.",
        lambda: form(min_content_length=11),
    ),
    ("#/content_type", NO_VARIABLE, lambda: form(content_type='a/b; c="${filename}"')),
    ("#/content_type_prefix", NO_VARIABLE, lambda: form(content_type_prefix="${filename}")),
    ("#/metadata", NO_VARIABLE, lambda: form(metadata=(("a", "b"), ("c", "${filename}")))),
    ("#/metadata", METADATA_NAME, lambda: form(metadata=(("A", "v"),))),
    ("#/tags", "At most 10 tags are allowed.", lambda: form(tags=ELEVEN_TAGS)),
    (
        "#/metadata",
        LONG_METADATA,
        lambda: check_metadata((("ab", "x" * 1022), ("cde", "x" * 1022))),
    ),
    ("#/metadata", METADATA_NAME, lambda: check_metadata((("A", "x"),))),
    ("#/metadata", RESERVED, lambda: check_metadata((("minio-x", "x"),))),
    ("#/metadata/a", VISIBLE, lambda: check_metadata((("a", "\n"),))),
    (f"#/metadata/{'n' * 64}", VISIBLE, lambda: check_metadata((("n" * 64, "\n"),))),
    ("#/metadata", VISIBLE, lambda: check_metadata((("n" * 65, "\n"),))),
    ("#/tags", "At most 10 tags are allowed.", lambda: check_tags(ELEVEN_TAGS)),
    ("#/tags", LONG_TAGS, lambda: check_tags((*MANY_TAGS, ("k", "v" * 240)))),
    ("#/tags", TAG_LENGTHS, lambda: check_tags((("", ""),))),
    ("#/tags", TAG_LENGTHS, lambda: check_tags((("k" * 129, ""),))),
    ("#/tags", TAG_LENGTHS, lambda: check_tags((("k", "v" * 257),))),
    ("#/tags", TAG_LETTERS, lambda: check_tags((("<", ""),))),
    ("#/tags", TAG_LETTERS, lambda: check_tags((("k", "<"),))),
]


ALLOWED: Final[list[Attempt]] = [
    lambda: check_prefix(""),
    lambda: check_upload_id("x" * 1024),
    lambda: check_metadata((("ab", "x" * 1022), ("cd", "x" * 1022))),
    lambda: check_tags(ELEVEN_TAGS[:10]),
    lambda: check_tags((("k", ""),)),
    lambda: check_tags((("\u00e9" * 128, "\u00e9" * 256),)),
    lambda: check_tags((*MANY_TAGS, ("k", "v" * 239))),
    lambda: form(min_content_length=10),
]


@pytest.mark.parametrize(("pointer", "detail", "attempt"), REFUSED)
def test_an_error_has_a_pointer_and_a_detail(pointer: str, detail: str, attempt: Attempt) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        attempt()
    assert list(refusal.value.pointers) == [pointer]
    assert refusal.value.detail == detail


@pytest.mark.parametrize("attempt", ALLOWED)
def test_values_at_a_limit_are_allowed(attempt: Attempt) -> None:
    attempt()
