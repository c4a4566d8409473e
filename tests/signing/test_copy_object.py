"""What a copy signs, and which sources are refused."""

from typing import Any

import pytest

from service.errors import InvalidRequest
from service.signing.actions import Encryption
from service.signing.copy_object import CopyObject, CopySource


def headers(source: CopySource, **more: Any) -> dict[str, str]:
    return CopyObject(source=source, **more).headers()


def test_a_copy_is_create_only_unless_it_overwrites() -> None:
    source = CopySource(bucket="acme", key="a/b")
    assert headers(source) == {"x-amz-copy-source": "acme/a/b", "if-none-match": "*"}
    assert headers(source, overwrite=True) == {"x-amz-copy-source": "acme/a/b"}


def test_the_source_is_encoded_once_and_may_have_a_version_and_an_etag() -> None:
    source = CopySource(bucket="acme", key="é %2F?/+", version_id="3/L4+=", etag='"e"')
    assert headers(source, overwrite=True) == {
        "x-amz-copy-source": "acme/%C3%A9%20%252F%3F/%2B?versionId=3/L4+=",
        "x-amz-copy-source-if-match": '"e"',
    }


def test_a_copy_is_encrypted_as_an_upload() -> None:
    encryption = Encryption(algorithm="aws:kms", kms_key_id="key-1")
    signed = headers(CopySource(bucket="acme", key="a"), overwrite=True, encryption=encryption)
    assert signed == {"x-amz-copy-source": "acme/a", **encryption.headers()}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"key": ""}, "key"),
        ({"key": "a/../b"}, "key"),
        ({"key": "a\nb"}, "key"),
        ({"version_id": ""}, "version_id"),
        ({"version_id": "v&x-id=1"}, "version_id"),
        ({"version_id": "a b"}, "version_id"),
        ({"etag": '"a\n"'}, "etag"),
    ],
)
def test_a_source_that_cannot_be_sent_is_refused(given: dict[str, str], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        CopySource(**{"bucket": "acme", "key": "a", **given})
    assert [*refusal.value.pointers] == [f"#/source/{pointer}"]


def test_a_version_that_is_refused_gets_the_reason() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        CopySource(bucket="acme", key="a", version_id="a b")
    assert refusal.value.detail == "A version has letters, digits and `+/=._~-` only."
