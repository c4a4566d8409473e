"""Invalid input over HTTP: status, code and pointer are right, and nothing is echoed."""

from typing import Any, Final

import httpx
import pytest

from tests.api.refusals import FORM, GET, LIST, MARK, UPLOAD, refused_at

KEYS: Final = ["", f"../{MARK}", f"{MARK}/.", f"{MARK}\0", MARK * 200, "é" * 513, "x" * 60_000]
FIXED: Final = {"bucket": "demo", "key": MARK, "max_content_length": 5}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:20])
@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("download-urls", {}),
        ("head-urls", {}),
        ("delete-urls", {}),
        ("upload-urls", {"content_length": 5}),
        ("upload-forms", {"max_content_length": 5, "overwrite": True}),
    ],
)
async def test_an_invalid_key_is_refused(
    client: httpx.AsyncClient, path: str, more: dict[str, Any], key: str
) -> None:
    await refused_at(client, path, {"bucket": "demo", "key": key, **more}, "#/key")


@pytest.mark.parametrize("value", [f"{MARK}\r\nx: y", f"{MARK}\n", f" {MARK}", f"{MARK}é", "\t"])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("download-urls", GET, "content_type"),
        ("download-urls", GET, "cache_control"),
        ("upload-urls", UPLOAD, "content_type"),
        ("upload-urls", UPLOAD, "cache_control"),
        ("upload-urls", UPLOAD, "content_encoding"),
        ("upload-urls", UPLOAD, "storage_class"),
        ("upload-urls", UPLOAD, "if_match"),
        ("upload-forms", FORM, "content_type"),
        ("upload-forms", FORM, "content_type_prefix"),
    ],
)
async def test_values_that_no_header_can_carry_are_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], field: str, value: str
) -> None:
    await refused_at(client, path, {**body, field: value}, f"#/{field}")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("upload-urls", {**UPLOAD, "metadata": {"a": f"{MARK}\n"}}, "#/metadata/a"),
        ("upload-urls", {**UPLOAD, "metadata": {f"{MARK} b": "x"}}, "#/metadata"),
        ("upload-urls", {**UPLOAD, "metadata": {"a": "x" * 2048}}, "#/metadata"),
        ("upload-urls", {**UPLOAD, "tags": {str(i): "x" for i in range(11)}}, "#/tags"),
        ("upload-urls", {**UPLOAD, "tags": {"a": "x" * 257}}, "#/tags"),
        ("upload-urls", {**UPLOAD, "filename": f"{MARK}\n"}, "#/filename"),
        ("upload-urls", {**UPLOAD, "checksum": {"algorithm": "SHA256", "value": "AAAAAA=="}},
         "#/checksum/value"),
        ("download-urls", {**GET, "filename": f"{MARK}\r"}, "#/filename"),
        ("download-urls", {**GET, "expires_in": 60, "min_expires_in": 61}, "#/min_expires_in"),
        ("upload-forms", {**FORM, "key": MARK}, "#/key"),
        ("upload-forms", {"bucket": "demo", "max_content_length": 5}, "#/key"),
        ("upload-forms", {**FORM, "filename": f"a/{MARK}"}, "#/filename"),
        ("upload-forms", {**FORM, "filename": ".."}, "#/filename"),
        ("upload-forms", {**FORM, "filename": "${filename}"}, "#/filename"),
        ("upload-forms", {**FORM, "key_prefix": "${filename}"}, "#/key_prefix"),
        ("upload-forms", {**FORM, "key_prefix": f"../{MARK}"}, "#/key_prefix"),
        ("upload-forms", {**FORM, "min_content_length": 6}, "#/min_content_length"),
        ("upload-forms", {**FORM, "success_status": 203}, "#/success_status"),
        ("upload-forms", {**FORM, "content_type": "a/b", "content_type_prefix": "a/"},
         "#/content_type_prefix"),
        ("upload-forms", {**FIXED, "filename": "x", "overwrite": True}, "#/filename"),
        ("upload-forms", {**FORM, "content_type_prefix": "${filename}"}, "#/content_type_prefix"),
        ("upload-forms", {**FORM, "metadata": {"a": "${filename}"}}, "#/metadata"),
        *(("upload-urls", {**UPLOAD, "metadata": {"s" * size: "\n"}}, "#/metadata")
          for size in (65, 2000, 50_000)),
        ("upload-urls", {**UPLOAD, "tags": {f"{i}": "漢" * 256 for i in range(10)}}, "#/tags"),
        *(("list-urls", {**LIST, "prefix": prefix}, "#/prefix")
          for prefix in (f"../{MARK}", f"{MARK}\0", MARK * 200)),
        *((path, {**GET, "version_id": f"{MARK}\0"}, "#/version_id")
          for path in ("download-urls", "head-urls", "delete-urls")),
        ("list-urls", {**LIST, "delimiter": f"{MARK}\0"}, "#/delimiter"),
        ("list-urls", {**LIST, "continuation_token": f"{MARK}\0"}, "#/continuation_token"),
        *((path, {**body, "content_type": value}, "#/content_type")
          for path, body in (("download-urls", GET), ("upload-urls", UPLOAD), ("upload-forms", FORM))
          for value in ("canary", "text/html x", "text/plain, text/html", "a/b;c")),
    ],
    ids=lambda each: ascii(each)[:60],
)  # fmt: skip
async def test_an_impossible_request_is_refused_with_its_pointer(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str
) -> None:
    await refused_at(client, path, body, pointer)


@pytest.mark.parametrize("name", ["snowball-auto-extract", "minio-snowball-prefix"])
@pytest.mark.parametrize(("path", "body"), [("upload-urls", UPLOAD), ("upload-forms", FORM)])
async def test_metadata_that_stores_act_on_is_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], name: str
) -> None:
    """MinIO would unpack the upload into keys that the archive names."""
    metadata = {"metadata": {"author": MARK, name: "true"}}
    await refused_at(client, path, {**body, **metadata}, "#/metadata")


async def test_metadata_that_stores_act_on_is_refused_in_a_batch(
    client: httpx.AsyncClient,
) -> None:
    bad = {**UPLOAD, "metadata": {"snowball-auto-extract": "true"}}
    answer = await client.post("/v1/upload-urls/batch", json={"items": [UPLOAD, bad]})
    good, refusal = answer.json()["results"]
    assert "url" in good["request"]
    assert [each["pointer"] for each in refusal["problem"]["errors"]] == ["#/items/1/metadata"]
    assert "snowball-auto-extract" not in good["request"]["url"]


async def test_a_type_that_browsers_run_is_not_signed_inline(client: httpx.AsyncClient) -> None:
    body = {**GET, "content_type": "Image/SVG+xml; charset=utf-8", "disposition": "inline"}
    await refused_at(client, "download-urls", body, "#/content_type", "unsafe_content_type")


async def test_a_form_for_a_fixed_key_must_overwrite(client: httpx.AsyncClient) -> None:
    await refused_at(client, "upload-forms", FIXED, "#/key", "create_only_unsupported")
