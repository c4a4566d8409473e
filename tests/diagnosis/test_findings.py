"""Which pasted text a finding may repeat, and what is always masked."""

import inspect
import re
import secrets
import sys
from base64 import b64encode
from types import ModuleType
from typing import Any

import pytest

from service.auth.api_keys import new_key
from service.diagnosis import findings
from service.diagnosis.findings import (
    AFTER_SIGNATURE,
    ORDER,
    Code,
    certain,
    is_safe_to_echo,
    mask_secrets,
    quote_if_safe,
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


def test_every_code_has_one_place_in_the_order() -> None:
    assert sorted(ORDER) == sorted(Code)


def test_the_order_of_the_enum_decides_nothing() -> None:
    """The module runs again with the members of `Code` in the reverse order."""
    source = inspect.getsource(findings)
    members = re.search(r"(?:    [A-Z0-9_]+ = \".*\n)+", source)
    assert members is not None
    reverse = "".join(members[0].splitlines(keepends=True)[::-1])
    reversed_findings: Any = ModuleType(findings.__name__)
    sys.modules[findings.__name__] = reversed_findings  # dataclasses look it up
    try:
        exec(
            compile(source.replace(members[0], reverse), "reversed", "exec"),
            vars(reversed_findings),
        )
    finally:
        sys.modules[findings.__name__] = findings
    assert list(reversed_findings.Code) == list(Code)[::-1]
    for fields in ({}, {"Code": "SignatureDoesNotMatch"}):
        response = StoreResponse(fields=fields)
        assert ranked(reversed_findings, response) == ranked(findings, response)


def ranked(module: Any, response: StoreResponse) -> list[tuple[str, bool]]:
    every = [make(code, "", "") for code in module.Code for make in (module.certain, module.likely)]
    return [(str(each.code), each.proven) for each in module.rank_findings(every, response)]
