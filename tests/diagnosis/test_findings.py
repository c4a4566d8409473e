"""Which pasted text a finding may repeat, and what is always masked."""

import secrets
from base64 import b64encode

import pytest

from service.auth.api_keys import new_key
from service.diagnosis.findings import (
    AFTER_SIGNATURE,
    Code,
    certain,
    is_safe_to_echo,
    likely,
    mask_secrets,
    quote_if_safe,
    rank_findings,
)
from service.diagnosis.response import StoreResponse


@pytest.mark.parametrize(
    "text",
    [
        *("GET", "5", "*", "content-type", "x-amz-meta-author", "x-amz-checksum-crc64nvme"),
        *("text/plain; charset=utf-8", "text/plain;charset=UTF-8", "application/x-7z-compressed"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        *("X-Amz-SignedHeaders", "versionId", "response-content-disposition", "utm_source", "_"),
        *("acme-reports.s3.eu-west-1.amazonaws.com", "127.0.0.1:36013", "[::1]:9000"),
        *("acme-4f2a9c0d", "eu-west-1", "no-store, max-age=0", "team=billing"),
    ],
)
def test_words_and_names_are_safe_to_echo(text: str) -> None:
    assert is_safe_to_echo(text)
    assert quote_if_safe(text, "?") == f"`{text}`"


@pytest.mark.parametrize(
    "text",
    [
        *("", " a", "a ", "a  b", "a\nb", "a`b", "a'b", 'a"b', "a<b", "a\\b"),
        *("\x1b[31m", "ü", "\ud800"),
        *("a" * 101, "a" * 21, "Bearer eyJhbGciOiJIUzI1NiJ9"),
        "f5f846b3838b4f37739e65775b488b25aabdc79f8688bc22fcb9694aeb7de466",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "wJalrXUtnFEMI-sentinel-secret",
        "IQoJb3JpZ2luX2VjEB0aDGV1",
        "QWERTY",
        "63ej-3583eNie3-rOlQmR-kqnxHuO_qLn-LK-Z_HmC4",  # random, but its pieces look like words
    ],
)
def test_other_texts_are_not_safe_to_echo(text: str) -> None:
    assert not is_safe_to_echo(text)
    assert quote_if_safe(text, "?") == "?"


def test_no_random_key_is_safe_to_echo() -> None:
    for _ in range(2000):
        raw = secrets.token_bytes(30)
        for text in (raw.hex(), b64encode(raw).decode(), new_key(), secrets.token_urlsafe(32)):
            assert not is_safe_to_echo(text)
            assert not is_safe_to_echo(f"x-amz-meta-{text}")


def test_known_secrets_are_masked_everywhere() -> None:
    found = [certain(Code.EXPIRED, "a 12345678 b", "12345678"), certain(Code.EXPIRED, "c", "1234")]
    assert mask_secrets(found, ["12345678", "1234"]) == [
        certain(Code.EXPIRED, "a [masked] b", "[masked]"),
        found[1],
    ]


def test_only_store_errors_come_after_the_signature() -> None:
    assert Code.OBJECT_MISSING in AFTER_SIGNATURE
    assert Code.ACCESS_DENIED in AFTER_SIGNATURE
    for code in (Code.SIGNATURE_MISMATCH, Code.METHOD_NOT_ALLOWED, Code.SIGNED_ELSEWHERE):
        assert code not in AFTER_SIGNATURE


def test_equally_certain_findings_have_one_order() -> None:
    found = [likely(code, "", "") for code in reversed(Code)]
    assert [each.code for each in rank_findings(found, StoreResponse())] == list(Code)
