"""Each field of each action is in what each signer signs, or refused: none is dropped in silence."""

from dataclasses import fields, replace
from typing import Any, Final, get_args

import pytest

from service.errors import InvalidRequest
from service.sessions.r2_tokens import ParentKey, R2Address, R2Session
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
from service.signing.copy_object import CopyObject, CopySource
from service.signing.multipart_actions import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    UploadPart,
    UploadPartOfUnknownLength,
)
from service.signing.post_policy import PostObject, presign_form
from service.signing.redirected_put import RedirectedPut
from service.signing.signer import RequestSigner, Signable, Signer
from service.signing.sigv4 import Credentials
from tests.support.cloudfront import ec_key, make_delivery
from tests.support.factories import ADDRESS

KEY: Final = Credentials(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="of-the-tests" * 3)
AT_R2: Final = R2Session(
    credentials=KEY,
    name="presign",
    starts_at=0,
    expires_at=2_000_000_000,
    parent=ParentKey(KEY, R2Address(bucket="reports", account_id="a", host="r2.example")),
)
OF_A_KEY: Final = Signer(KEY, ADDRESS)
SIGNERS: Final[dict[str, RequestSigner]] = {
    "a key": OF_A_KEY,
    "a session of STS": Signer(replace(KEY, session_token="token"), ADDRESS),
    "tokens of R2": AT_R2.signer(ADDRESS),
}
SOURCE: Final = CopySource(bucket="reports", key="a")
FORM: Final = PostObject(max_content_length=9)
ACTIONS: Final[list[Any]] = [
    *(GetObject(), HeadObject(), DeleteObject(), PutObject(content_length=5)),
    *(ListObjects(prefix="a/"), ListObjectVersions(prefix="a/")),
    *(RedirectedPut(content_length=5), CopyObject(source=SOURCE), CreateMultipartUpload()),
    *(ListParts(upload_id="u"), AbortMultipartUpload(upload_id="u")),
    UploadPartOfUnknownLength(upload_id="u", part_number=1),
    UploadPart(upload_id="u", part_number=1, content_length=5),
    CompleteMultipartUpload(upload_id="u", content_length=5),
]
# Another value of each field than the actions above have
OTHER: Final[dict[str, Any]] = {
    "after": 3,
    "bucket": "other",
    "cache_control": "no-store",
    "checksum": Checksum(algorithm="CRC32", value="AAAAAA=="),
    "checksum_algorithm": "SHA256",
    "checksums": True,
    "content_disposition": "inline",
    "content_encoding": "gzip",
    "content_length": 6,
    "content_type": "text/csv",
    "content_type_prefix": "image/",
    "continuation_token": "t",
    "delimiter": "/",
    "encoding_type": "url",
    "encryption": Encryption(algorithm="AES256"),
    "etag": '"e"',
    "if_match": '"e"',
    "key": "other",
    "key_marker": "k",
    "max_content_length": 8,
    "max_keys": 7,
    "metadata": (("a", "b"),),
    "min_content_length": 1,
    "overwrite": True,
    "part_number": 2,
    "prefix": "b/",
    "sent": (("content-type", "text/csv"),),
    "source": CopySource(bucket="reports", key="other"),
    "start_after": "s",
    "storage_class": "GLACIER",
    "success_status": 201,
    "tags": (("a", "b"),),
    "upload_id": "v",
    "version_id": "v",
    "version_id_marker": "m",
}
NOT_SIGNED: Final = {(RedirectedPut, "new_key"): "says of the key that nobody has used it"}


def variants(action: Any) -> list[tuple[str, Any]]:
    """Return the action with each field changed. A field that OTHER lacks is a KeyError."""
    names = [each.name for each in fields(action) if (type(action), each.name) not in NOT_SIGNED]
    return [(name, replace(action, **{name: OTHER[name]})) for name in names]


def members(union: Any) -> set[type]:
    """Return the classes of a union of unions."""
    inner = get_args(union)
    return set().union(*map(members, inner)) if inner else {union}


def test_every_action_is_walked() -> None:
    assert {*map(type, ACTIONS)} == members(Signable)


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=[*SIGNERS])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: type(each).__name__)
def test_every_field_changes_the_signature(action: Signable, signer: RequestSigner) -> None:
    def signed(each: Signable) -> str:
        return signer.presign(each, "key", now=1_800_000_000, expires_in=60)

    equal = [name for name, variant in variants(action) if signed(variant) == signed(action)]
    assert equal == []


def test_every_field_of_a_copys_source_changes_the_signature() -> None:
    headers = [CopyObject(source=each).headers() for _, each in variants(SOURCE)]
    assert len({*map(str, headers)}) == len(fields(SOURCE))


def test_every_field_of_a_form_changes_its_policy() -> None:
    def policy(form: PostObject) -> str:
        now = 1_800_000_000
        return presign_form(
            OF_A_KEY, form, "key", bucket="reports", encryption=None, now=now, expires_in=60
        )["policy"]

    assert [name for name, form in variants(FORM) if policy(form) == policy(FORM)] == []


@pytest.mark.parametrize("passes_on", [True, False])
def test_cloudfront_signs_or_refuses_every_field_of_a_download(passes_on: bool) -> None:
    delivery = make_delivery(key=ec_key(), response_parameters=passes_on)
    plain = GetObject()

    def signed(get: GetObject) -> str:
        return delivery.context(get, 1_800_000_000).url("key")

    assert delivery.delivers(plain, "downloads")
    refused = []
    for name, get in variants(plain):
        try:
            delivery.delivers(get, "downloads")
        except InvalidRequest as error:
            refused += [name] if error.pointers else []
        else:
            assert signed(get) != signed(plain), name
    parameters = ["content_type", "content_disposition", "cache_control"]
    assert refused == (["version_id"] if passes_on else ["version_id", *parameters])
