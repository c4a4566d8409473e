"""Pages may send what the service's answers tell them to send, and nothing else."""

from typing import Final

from hypothesis import given

from service.signing.actions import Action, Checksum, DeleteObject, Encryption, PutObject
from service.signing.copy_object import CopyObject, CopySource
from service.signing.multipart_actions import UploadPart
from tests.access.policy_evaluator import matches
from tests.deploy.iam.files import read
from tests.signing.strategies import actions
from tests.support.examples import examples

[RULE] = read("cors.json")["CORSRules"]
HEADERS: Final = RULE["AllowedHeaders"]
BROWSERS_OWN: Final = {"content-length"}  # pages cannot set it, and CORS does not check it
CRC: Final = Checksum(algorithm="CRC32", value="AAAAAA==")
COPY: Final = CopyObject(source=CopySource(bucket="acme", key="a", etag='"e"'))
LARGEST: Final = PutObject(
    content_length=1,
    overwrite=False,
    checksum=CRC,
    metadata=(("author", "ann"),),
    tags=(("team", "billing"),),
    content_disposition="attachment",
    cache_control="private",
    content_encoding="gzip",
    storage_class="STANDARD_IA",
    encryption=Encryption(algorithm="aws:kms", kms_key_id="key-1"),
)


def allowed(header: str) -> bool:
    return any(matches(pattern, header) for pattern in HEADERS)


@examples(300)
@given(actions())
def test_each_answered_header_may_be_sent(signed: tuple[Action, str]) -> None:
    action, _ = signed
    assert [each for each in set(action.headers()) - BROWSERS_OWN if not allowed(each)] == []


def test_each_header_of_a_part_may_be_sent() -> None:
    part = UploadPart(upload_id="u", part_number=1, content_length=1, checksum=CRC)
    assert all(allowed(header) for header in set(part.headers()) - BROWSERS_OWN)


def test_each_header_of_a_copy_may_be_sent() -> None:
    assert all(allowed(header) for header in COPY.headers())


def test_only_answered_headers_and_range_may_be_sent() -> None:
    replaced = PutObject(content_length=1, if_match='"e"')
    answered = {*LARGEST.headers(), *replaced.headers(), *COPY.headers()}
    unused = [each for each in HEADERS if not any(matches(each, header) for header in answered)]
    assert unused == ["range"]


def test_neither_an_acl_nor_a_token_may_be_sent() -> None:
    for header in ("x-amz-acl", "x-amz-grant-read", "authorization"):
        assert not allowed(header)


def test_a_page_may_use_all_methods_but_delete() -> None:
    methods = {LARGEST.METHOD, "GET", "HEAD", "POST"}
    assert set(RULE["AllowedMethods"]) == methods
    assert DeleteObject.METHOD not in methods


def test_the_only_origin_is_https_and_may_read_the_etag() -> None:
    assert RULE["AllowedOrigins"] == ["https://app.example.com"]
    assert RULE["ExposeHeaders"] == ["ETag"]
