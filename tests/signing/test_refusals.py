"""What a caller reads of a refusal: in these words, at this place, and with nothing of what was sent."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from service.errors import InvalidRequest
from service.signing.actions import (
    Checksum,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    Pairs,
    PutObject,
    check_metadata,
)
from service.signing.content_disposition import content_disposition
from service.signing.multipart_actions import CompleteMultipartUpload, check_upload_id
from service.signing.post_policy import FILENAME_VARIABLE, PostObject
from service.signing.tags import check_tags
from service.signing.validation import (
    check_header_value,
    check_key,
    check_media_type,
    check_prefix,
    check_segments,
    check_text,
)

Attempt = Callable[[], object]

NO_CONTROLS: Final = "Control characters are not allowed."
NO_DOTS: Final = "A segment `.` or `..` is not allowed: HTTP clients rewrite it."
VISIBLE: Final = "Only visible ASCII characters, with spaces between them, are allowed."
NO_VARIABLE: Final = "The store would replace ${filename} in it."
TAG_LENGTHS: Final = "A tag has a key of 1 to 128 and a value of at most 256 characters."
TAG_LETTERS: Final = "A tag can only have letters, digits, spaces and + - = . _ : / @."


def a_form(*, least: int = 0, kind: str | None = None, metadata: Pairs = ()) -> PostObject:
    return PostObject(
        key="a",
        min_content_length=least,
        max_content_length=10,
        content_type=kind,
        metadata=metadata,
    )


def put(**changes: str) -> PutObject:
    return PutObject(content_length=5, **changes)  # type: ignore[arg-type]  # texts, each of them


REFUSED: Final[list[tuple[str, str, Attempt]]] = [
    ("#/key", "A key has at least one character.", lambda: check_key("")),
    ("#/key", NO_DOTS, lambda: check_key("..")),
    ("#/key", NO_DOTS, lambda: check_segments("..")),
    ("#/prefix", NO_DOTS, lambda: check_prefix("..")),
    (
        "#/prefix",
        "Control characters and lone surrogates are not allowed.",
        lambda: check_prefix("\n"),
    ),
    ("#/key", "At most 1024 bytes of UTF-8 are allowed.", lambda: check_key("\u00e9" * 513)),
    ("#/x", VISIBLE, lambda: check_header_value("\u00e9", pointer="#/x")),
    ("#/x", VISIBLE, lambda: check_media_type("\u00e9", pointer="#/x")),
    (
        "#/x",
        "Give one media type, such as text/plain; charset=utf-8. Quote any commas.",
        lambda: check_media_type("text", pointer="#/x"),
    ),
    ("#/x", NO_CONTROLS, lambda: check_text("\n", pointer="#/x")),
    (
        "#/filename",
        "A file name cannot have control characters.",
        lambda: content_disposition("inline", "\n"),
    ),
    ("#/version_id", NO_CONTROLS, lambda: GetObject(version_id="\n")),
    ("#/version_id", NO_CONTROLS, lambda: HeadObject(version_id="\n")),
    ("#/version_id", NO_CONTROLS, lambda: DeleteObject(version_id="\n")),
    ("#/delimiter", NO_CONTROLS, lambda: ListObjects(prefix="", delimiter="\n")),
    ("#/continuation_token", NO_CONTROLS, lambda: ListObjects(prefix="", continuation_token="\n")),
    ("#/content_disposition", VISIBLE, lambda: put(content_disposition="\n")),
    ("#/kms_key_id", VISIBLE, lambda: Encryption(algorithm="aws:kms", kms_key_id="\n")),
    (
        "#/checksum/value",
        "CRC32 is 4 bytes in base64.",
        lambda: Checksum(algorithm="CRC32", value=""),
    ),
    (
        "#/checksum/algorithm",
        "For the whole object, use one of CRC32, CRC32C, CRC64NVME.",
        lambda: CompleteMultipartUpload(
            upload_id="u",
            content_length=7,
            checksum=Checksum(algorithm="SHA1", value="A" * 27 + "="),
        ),
    ),
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
        lambda: a_form(least=11),
    ),
    ("#/content_type", NO_VARIABLE, lambda: a_form(kind=f'a/b; c="{FILENAME_VARIABLE}"')),
    (
        "#/content_type_prefix",
        NO_VARIABLE,
        lambda: PostObject(key="a", max_content_length=1, content_type_prefix=FILENAME_VARIABLE),
    ),
    ("#/metadata", NO_VARIABLE, lambda: a_form(metadata=(("a", "b"), ("c", FILENAME_VARIABLE)))),
    (
        "#/metadata",
        "At most 2048 bytes of names and values are allowed.",
        lambda: check_metadata((("a", "x" * 2048),)),
    ),
    (
        "#/metadata",
        "A metadata name can only have lower-case letters, digits, `-` and `_`.",
        lambda: check_metadata((("A", "x"),)),
    ),
    (
        "#/metadata",
        (
            "A metadata name must not contain `snowball`, or start with `minio-` or `rustfs-`: "
            "some stores act on such names."
        ),
        lambda: check_metadata((("minio-x", "x"),)),
    ),
    ("#/metadata/a", VISIBLE, lambda: check_metadata((("a", "\n"),))),
    (
        "#/tags",
        "At most 10 tags are allowed.",
        lambda: check_tags(tuple((str(n), "") for n in range(11))),
    ),
    (
        "#/tags",
        "At most 4096 bytes of encoded tags are allowed.",
        lambda: check_tags(tuple((str(n), "=" * 256) for n in range(6))),
    ),
    ("#/tags", TAG_LENGTHS, lambda: check_tags((("", ""),))),
    ("#/tags", TAG_LENGTHS, lambda: check_tags((("k", "v" * 257),))),
    ("#/tags", TAG_LETTERS, lambda: check_tags((("<", ""),))),
    ("#/tags", TAG_LETTERS, lambda: check_tags((("k", "<"),))),
]


@pytest.mark.parametrize(("pointer", "detail", "attempt"), REFUSED)
def test_a_refusal_says_where_and_what_would_be_right(
    pointer: str, detail: str, attempt: Attempt
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        attempt()
    assert list(refusal.value.pointers) == [pointer]
    assert refusal.value.detail == detail


@pytest.mark.parametrize(
    ("length", "pointer"), [(64, f"#/metadata/{'n' * 64}"), (65, "#/metadata")]
)
def test_a_metadata_name_is_said_again_unless_it_is_long(length: int, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_metadata((("n" * length, "\n"),))
    assert list(refusal.value.pointers) == [pointer]


def test_an_upload_id_may_have_as_many_characters_as_are_allowed() -> None:
    check_upload_id("x" * 1024)


def test_tags_may_fill_their_bytes_but_for_none_more() -> None:
    """Each `=` takes three bytes, so that lengths of keys and values leave room for too many."""
    full = (*((str(n), "=" * 256) for n in range(5)), ("k", "v" * 239))
    assert len(urlencode(full, quote_via=quote, safe="")) == 4096
    check_tags(full)
    with pytest.raises(InvalidRequest):
        check_tags((*full[:-1], ("k", "v" * 240)))
