"""What callers may request to be signed, difficult values first."""

from base64 import b64encode
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.signing.actions import (
    Action,
    Checksum,
    ChecksumAlgorithm,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    ListObjectVersions,
    PutObject,
)
from service.signing.content_disposition import content_disposition
from service.signing.copy_object import CopyObject, CopySource
from service.signing.multipart_actions import (
    FULL_OBJECT_ALGORITHMS,
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    MultipartAction,
    UploadPart,
    UploadPartOfUnknownLength,
)
from service.signing.post_policy import FILENAME_VARIABLE, PostObject
from service.signing.redirected_put import RedirectedPut
from service.signing.sigv4 import Credentials
from service.signing.validation import check_key

TEXT: Final = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
_DIFFICULT: Final = st.sampled_from(
    [
        *" +%'~?#&/=;:@!$()*,[]\\\"<>^`{|}",
        *("//", "%2F", "%20", "%zz", "a", "Z", "9", "-_."),
        *("\u00e9", "e\u0301", "\u00df", "\u65e5\u672c", "\U0001f600", "\u00a0", "\u2028"),
    ]
)
_KEY_TEXT: Final = st.lists(_DIFFICULT, min_size=1, max_size=12).map("".join) | TEXT
CHECKSUM_SIZES: Final[dict[ChecksumAlgorithm, int]] = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
}
_BASE64: Final = st.binary(min_size=1, max_size=60).map(lambda raw: b64encode(raw).decode())
# Not from a regular expression, which is three times slower.
_WORDS: Final = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=6
)
_GAPS: Final = st.sampled_from([" ", "  ", "   "])
_HEADER: Final = st.one_of(
    _WORDS,
    st.tuples(_WORDS, _GAPS, _WORDS).map("".join),
    st.tuples(_WORDS, _GAPS, _WORDS, _GAPS, _WORDS).map("".join),
)
_META_NAME: Final = st.text("abcxyz0189-_", min_size=1, max_size=8)
_TAG_TEXT: Final = st.sampled_from(["a b", " ", "+", "1+1 = 2", "\u00e9 \u65e5"]) | st.text(
    st.characters(categories=["Lu", "Ll", "Lo", "Nd"]) | st.sampled_from("+-=.:/@_ "), max_size=8
)
TAGS: Final = st.lists(st.tuples(_TAG_TEXT.filter(bool), _TAG_TEXT), max_size=3).map(tuple)


def is_accepted(key: str) -> bool:
    try:
        check_key(key)
    except InvalidRequest:
        return False
    return True


def _checksums(algorithm: ChecksumAlgorithm) -> st.SearchStrategy[Checksum]:
    size = CHECKSUM_SIZES[algorithm]
    values = st.binary(min_size=size, max_size=size).map(lambda raw: b64encode(raw).decode())
    return st.builds(Checksum, algorithm=st.just(algorithm), value=values)


def _maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


KEYS: Final = _KEY_TEXT.filter(is_accepted)
PREFIXES: Final = st.just("") | KEYS
EXPIRES: Final = st.sampled_from([1, 900, 604_800]) | st.integers(1, 604_800)
TIMES: Final = st.sampled_from(
    [
        0,
        951_782_399,  # 2000-02-28T23:59:59Z, the day before a leap day
        951_782_400,
        1_709_251_199,  # 2024-02-29T23:59:59Z
        1_709_251_200,
        1_767_225_599,  # 2025-12-31T23:59:59Z
        1_767_225_600,
        4_107_542_399,  # 2100-02-28T23:59:59Z: not a leap year
        4_107_542_400,
    ]
) | st.integers(0, 4_200_000_000)
CREDENTIALS: Final = st.builds(
    Credentials,
    access_key_id=st.text("ABCDEFGHIJ0123456789", min_size=16, max_size=20),
    secret_access_key=_BASE64,
    session_token=_maybe(_BASE64),
)
ENCRYPTIONS: Final = st.sampled_from(
    [
        None,
        Encryption(algorithm="AES256"),
        Encryption(algorithm="aws:kms"),
        Encryption(algorithm="aws:kms:dsse", kms_key_id="arn:aws:kms:eu-west-1:1:key/a-b"),
    ]
)
CHECKSUMS: Final = st.sampled_from(list(CHECKSUM_SIZES)).flatmap(_checksums)
DISPOSITIONS: Final = st.builds(
    content_disposition, st.sampled_from(["attachment", "inline"]), _maybe(TEXT)
)
METADATA: Final = st.dictionaries(_META_NAME, _HEADER, max_size=3).map(lambda d: tuple(d.items()))
_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_VALUES: Final = st.text(f"{_LOWER}{_DIGITS}'%-", min_size=1, max_size=5) | st.text(
    f"{_LOWER} ;/=", max_size=5
).map('"{}"'.format)
TYPES: Final = st.builds(
    "{}/{}{}".format,
    st.text(f"{_LOWER}!#$&+.^_-", min_size=1, max_size=8),
    st.text(f"{_LOWER}{_LOWER.upper()}{_DIGITS}*+.-", min_size=1, max_size=8),
    st.just("")
    | st.builds(
        "{}{}={}".format,
        st.sampled_from([";", "; "]),
        st.text(_LOWER, min_size=1, max_size=5),
        _VALUES,
    ),
)

GETS: Final = st.builds(
    GetObject,
    version_id=_maybe(TEXT),
    content_type=_maybe(TYPES),
    content_disposition=_maybe(DISPOSITIONS),
    cache_control=_maybe(_HEADER),
)
HEADS: Final = st.builds(
    HeadObject,
    version_id=_maybe(TEXT),
    content_type=_maybe(TYPES),
    content_disposition=_maybe(DISPOSITIONS),
    checksums=st.booleans(),
)
DELETES: Final = st.builds(DeleteObject, version_id=_maybe(TEXT))
LISTS: Final = st.builds(
    ListObjects,
    prefix=PREFIXES,
    delimiter=_maybe(_KEY_TEXT),
    max_keys=st.none() | st.integers(0, 1000),
    continuation_token=_maybe(_BASE64),
    encoding_type=st.sampled_from([None, "url"]),
    start_after=st.none() | KEYS,
)
_PROPERTIES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "content_type": TYPES,
    "metadata": METADATA,
    "tags": TAGS,
    "content_disposition": _maybe(DISPOSITIONS),
    "cache_control": _maybe(_HEADER),
    "content_encoding": _maybe(_HEADER),
    "storage_class": _maybe(_HEADER),
    "encryption": ENCRYPTIONS,
}
PUTS: Final = st.builds(
    PutObject,
    content_length=st.sampled_from([0, 5 * 1024**3]) | st.integers(0, 10**9),
    overwrite=st.booleans(),
    if_match=_maybe(st.just('"9b2cf535f27731c974343645a3985328"')),
    checksum=st.none() | CHECKSUMS,
    **_PROPERTIES,
)
_NOT_SENT: Final = frozenset({"content-length", "x-amz-storage-class"})
REDIRECTED_PUTS: Final = st.builds(
    lambda put, content_length: RedirectedPut(
        content_length=content_length,
        sent=tuple(pair for pair in put.headers().items() if pair[0] not in _NOT_SENT),
    ),
    PUTS,
    st.none() | st.integers(0, 10**9),
)
_VERSION_IDS: Final = st.sampled_from(["null", "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY==", "a~b_.-"])
COPIES: Final = st.tuples(
    st.builds(
        CopyObject,
        source=st.builds(
            CopySource,
            bucket=st.sampled_from(["acme-bucket", "acme.with.dots"]),
            key=KEYS,
            version_id=_maybe(_VERSION_IDS),
            etag=_maybe(st.just('"9b2cf535f27731c974343645a3985328-2"')),
        ),
        overwrite=st.booleans(),
        encryption=ENCRYPTIONS,
    ),
    KEYS,
)
OBJECT_ACTIONS: Final[st.SearchStrategy[Action]] = st.one_of(GETS, HEADS, DELETES, PUTS)


_IDS: Final = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40
)
_NUMBERS: Final = st.integers(1, 10_000)
_OF_AN_UPLOAD: Final = st.one_of(
    # Without a checksum algorithm, a botocore client adds its own.
    st.builds(
        CreateMultipartUpload,
        checksum_algorithm=st.sampled_from(list(CHECKSUM_SIZES)),
        **_PROPERTIES,
    ),
    st.builds(
        UploadPart,
        upload_id=_IDS,
        part_number=_NUMBERS,
        content_length=st.integers(1, 5 * 1024**3),
        checksum=st.none() | CHECKSUMS,
    ),
    st.builds(UploadPartOfUnknownLength, upload_id=_IDS, part_number=_NUMBERS),
    st.builds(ListParts, upload_id=_IDS, after=st.integers(0, 10_000)),
    st.builds(AbortMultipartUpload, upload_id=_IDS),
)
COMPLETIONS: Final = st.tuples(
    st.builds(
        CompleteMultipartUpload,
        upload_id=_IDS,
        content_length=st.integers(1, 48 * 1024**4),
        overwrite=st.booleans(),
        checksum=st.none()
        | CHECKSUMS.filter(lambda each: each.algorithm in FULL_OBJECT_ALGORITHMS),
    ),
    KEYS,
)
MULTIPART: Final[st.SearchStrategy[tuple[MultipartAction, str]]] = st.tuples(_OF_AN_UPLOAD, KEYS)

OF_VERSIONS: Final = st.tuples(
    st.builds(
        ListObjectVersions,
        prefix=PREFIXES,
        delimiter=_maybe(_KEY_TEXT),
        max_keys=st.none() | st.integers(0, 1000),
        key_marker=st.none() | KEYS,
        version_id_marker=_maybe(TEXT),
    ),
    st.just(""),
)


@st.composite
def actions(draw: st.DrawFn) -> tuple[Action, str]:
    """An action and its key, which is empty for a list: it addresses the bucket."""
    if draw(st.integers(0, 4)) == 0:
        return draw(LISTS), ""
    return draw(OBJECT_ACTIONS), draw(KEYS)


class Form(NamedTuple):
    """A form with its key, and the encryption of its bucket."""

    form: PostObject
    key: str
    encryption: Encryption | None


@st.composite
def forms(draw: st.DrawFn) -> Form:
    minimum, maximum = sorted(draw(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))))
    prefix = draw(_maybe(_HEADER))
    form = PostObject(
        min_content_length=minimum,
        max_content_length=maximum,
        content_type=None if prefix is not None else draw(_maybe(TYPES)),
        content_type_prefix=prefix,
        success_status=draw(st.sampled_from([None, 200, 201, 204])),
        metadata=draw(METADATA),
    )
    key = draw(KEYS) + draw(st.sampled_from(["", FILENAME_VARIABLE]))
    return Form(form, key, draw(ENCRYPTIONS))
