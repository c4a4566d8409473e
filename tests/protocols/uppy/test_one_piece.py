"""A file in one piece: a PUT of its exact length where that can be, else a form."""

from typing import Any, Final

import pytest

from tests.protocols.uppy.harness import (
    GRANT,
    KEY,
    MAX_LENGTH,
    PARAMS,
    PDF,
    Harness,
    key_of,
    query,
    settings,
    start_harness,
    with_bucket,
)
from tests.support.app import make_open_grant

UPLOAD: Final = {**GRANT, "allow": ["form", "upload", "multipart"]}
FILE: Final[dict[str, Any]] = {
    "key": "bill.pdf",
    "contentType": "application/pdf",
    "contentLength": 5,
}
V5: Final = {**PDF, "metadata[contentLength]": "5", "metadata[uploadMethod]": "PUT"}
SIGNED: Final = "content-length;content-type;host;if-none-match"


async def params(harness: Harness, **sent: str) -> dict[str, Any]:
    answer = await harness.client.get(PARAMS, params=sent)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_file_of_known_length_is_put() -> None:
    async with start_harness(settings(grants=[UPLOAD])) as harness:
        answer = await harness.sign(method="PUT", **FILE)
        [line] = harness.audit_lines
    assert answer.keys() == {"url", "headers", "key"}
    assert KEY.fullmatch(answer["key"])
    assert key_of(answer["url"]) == answer["key"]
    assert answer["headers"] == {"content-type": "application/pdf", "if-none-match": "*"}
    assert query(answer["url"])["X-Amz-SignedHeaders"] == SIGNED
    assert (line["operation"], line["keys"]) == ("upload", [answer["key"]])


async def test_uppy_5_gets_a_put_if_its_page_says_so() -> None:
    async with start_harness(settings(grants=[UPLOAD])) as harness:
        answer = await params(harness, **V5)
    assert answer.keys() == {"method", "url", "headers", "fields", "expires"}
    assert (answer["method"], answer["expires"]) == ("PUT", 600)
    assert answer["headers"] == {"content-type": "application/pdf", "if-none-match": "*"}
    assert answer["fields"] == {"key": key_of(answer["url"])}
    assert query(answer["url"])["X-Amz-SignedHeaders"] == SIGNED


@pytest.mark.parametrize("sent", [PDF, {**V5, "metadata[uploadMethod]": "put"}])
async def test_a_page_that_may_be_uppy_6_gets_a_form(sent: dict[str, str]) -> None:
    """Its client of Companion posts whatever it is answered."""
    async with start_harness(settings(grants=[UPLOAD])) as harness:
        assert (await params(harness, **sent))["method"] == "POST"


@pytest.mark.parametrize(
    "grants",
    [
        [GRANT],
        [GRANT, {**UPLOAD, "prefix": "elsewhere/"}],
        [GRANT, {**UPLOAD, "allow": ["upload"], "max_content_length": 4}],
        [GRANT, {**UPLOAD, "allow": ["upload"], "content_types": ["image/*"]}],
    ],
    ids=["no upload", "elsewhere", "too large", "another type"],
)
async def test_without_a_grant_for_the_put_it_is_a_form(grants: list[dict[str, Any]]) -> None:
    async with start_harness(settings(grants=grants)) as harness:
        assert "fields" in await harness.sign(method="PUT", **FILE)
        assert (await params(harness, **V5))["method"] == "POST"
        assert {line["operation"] for line in harness.audit_lines} == {"form"}


async def test_a_file_of_unknown_length_is_a_form() -> None:
    """A PUT has one length, and the grant's limit would not hold for one without."""
    async with start_harness(settings(grants=[UPLOAD])) as harness:
        assert "fields" in await harness.sign(method="PUT", key="bill.pdf", contentType=PDF["type"])
        sent = {name: value for name, value in V5.items() if "Length" not in name}
        assert (await params(harness, **sent))["method"] == "POST"


async def test_a_file_over_the_grants_limit_gets_neither() -> None:
    async with start_harness(settings(grants=[UPLOAD])) as harness:
        too_large = {**FILE, "contentLength": MAX_LENGTH + 1}
        answer = await harness.sign(403, method="PUT", **too_large)
    assert answer["detail"] == f"Your grant allows at most {MAX_LENGTH} bytes."


async def test_a_bucket_without_conditional_writes_gets_a_form() -> None:
    async with start_harness(with_bucket(conditional_writes=False)) as harness:
        assert "fields" in await harness.sign(method="PUT", **FILE)


async def test_a_put_has_the_encryption_of_the_bucket() -> None:
    async with start_harness(with_bucket(encryption={"algorithm": "AES256"})) as harness:
        answer = await harness.sign(method="PUT", **FILE)
    assert answer["headers"]["x-amz-server-side-encryption"] == "AES256"


async def test_a_put_is_below_the_callers_own_prefix_only() -> None:
    """Also of a caller that could upload anywhere: one without the claim has no prefix."""
    grants = [make_open_grant()]
    uppy = {"prefix": "uploads/{claim:/tenant}/{caller}/"}
    async with start_harness(settings(uppy, grants=grants)) as harness:
        assert (await harness.sign(403, method="PUT", **FILE))["code"] == "forbidden"
