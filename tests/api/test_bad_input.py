"""Every refusal of the contract, on the wire: right status, code and pointer; nothing echoed."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from tests.api.conftest import SECRET, TOKEN

# Stands in every input below; no answer may repeat it.
MARK: Final = "canary"

UPLOAD: Final = {"bucket": "demo", "key": f"{MARK}.txt", "content_length": 5}
FORM: Final = {"bucket": "demo", "key_prefix": f"{MARK}/", "max_content_length": 5}
LIST: Final = {"bucket": "demo", "prefix": f"{MARK}/"}
GET: Final = {"bucket": "demo", "key": f"{MARK}.txt"}


async def refused(
    client: httpx.AsyncClient, path: str, body: Any, status: int, code: str
) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await client.post(f"/v1/{path}", content=content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["type"] == f"urn:presign:problem:{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    for secret in (MARK, SECRET, TOKEN, "X-Amz-Signature"):
        assert secret not in answer.text
    return problem


async def refused_at(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str, code: str = "invalid_request"
) -> None:
    status = 403 if code == "limit_exceeded" else 422
    problem = await refused(client, path, body, status, code)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"bucket": "demo", "key": "canary", "expires_in": NaN}',
        b'{"bucket": "demo", "key": "canary", "expires_in": -Infinity}',
        b'{"bucket": "demo", "key": "canary", "expires_in": 1e999}',
        b'{"bucket": "demo", "key": "canary\\ud800"}',
        b'{"bucket": "demo", "key": "canary\\udfff\\ud800"}',
        b'{"bucket": "demo", "key": "canary\xed\xa0\x80"}',
        b"[" * 50_000,
        b'{"bucket": "demo", "key": "canary"} trailing',
    ],
)
async def test_what_is_not_json_is_told_so(client: httpx.AsyncClient, body: bytes) -> None:
    await refused(client, "download-urls", body, 400, "invalid_json")


@pytest.mark.parametrize("token", [b"NaN", b"1e999", b'"\\udc00"'])
async def test_one_item_that_is_not_json_refuses_the_whole_batch(
    client: httpx.AsyncClient, token: bytes
) -> None:
    body = (
        b'{"items": [{"bucket": "demo", "key": "canary"}, {"bucket": "demo", "key": %s}]}' % token
    )
    await refused(client, "download-urls/batch", body, 400, "invalid_json")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("download-urls", {"bucket": "demo"}, "#/key"),
        ("download-urls", {**GET, "expires": 60}, "#/expires"),
        ("download-urls", {**GET, "expires_in": "60"}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": True}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": 60.0}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": 0}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": 604_801}, "#/expires_in"),
        ("download-urls", {**GET, "expires_in": None}, "#/expires_in"),
        ("download-urls", {**GET, "key": 5}, "#/key"),
        ("download-urls", {**GET, "disposition": MARK}, "#/disposition"),
        ("download-urls", {**GET, "stable_for": 60}, "#/stable_for"),
        ("download-urls", [GET], "#"),
        ("upload-urls", GET, "#/content_length"),
        ("upload-urls", {**UPLOAD, "content_length": -1}, "#/content_length"),
        ("upload-urls", {**UPLOAD, "content_length": 5 * 1024**3 + 1}, "#/content_length"),
        ("upload-urls", {**UPLOAD, "metadata": {"name": 5}}, "#/metadata/name"),
        (
            "upload-urls",
            {**UPLOAD, "checksum": {"algorithm": "MD5", "value": "AAAAAA=="}},
            "#/checksum/algorithm",
        ),
        ("upload-forms", {"bucket": "demo", "key_prefix": MARK}, "#/max_content_length"),
        ("list-urls", {"bucket": "demo"}, "#/prefix"),
        ("list-urls", {**LIST, "max_keys": 1001}, "#/max_keys"),
        ("download-urls/batch", {"items": []}, "#/items"),
        ("download-urls/batch", {"items": [GET, {"bucket": "demo"}]}, "#/items/1/key"),
        ("download-urls/batch", {"items": [GET] * 1001}, "#/items"),
    ],
)
async def test_another_shape_is_refused_with_its_pointer(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str
) -> None:
    await refused_at(client, path, body, pointer)


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"./{MARK}",
        f"../{MARK}",
        f"{MARK}/../b",
        f"{MARK}/.",
        "..",
        f"{MARK}\0",
        f"{MARK}\n",
        f"{MARK}\x7f",
        f"{MARK}\x85",
        MARK * 200,
        "é" * 513,
        "x" * 60_000,
    ],
)
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
async def test_a_key_that_no_url_can_name_is_refused(
    client: httpx.AsyncClient, path: str, more: dict[str, Any], key: str
) -> None:
    await refused_at(client, path, {"bucket": "demo", "key": key, **more}, "#/key")


@pytest.mark.parametrize("prefix", [f"../{MARK}", f"{MARK}\0", MARK * 200])
async def test_a_prefix_that_no_url_can_name_is_refused(
    client: httpx.AsyncClient, prefix: str
) -> None:
    await refused_at(client, "list-urls", {"bucket": "demo", "prefix": prefix}, "#/prefix")


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
async def test_what_no_header_can_carry_is_refused(
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
        ("upload-forms",
         {"bucket": "demo", "key": MARK, "filename": "x", "overwrite": True,
          "max_content_length": 5}, "#/filename"),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, path: str, body: Any, pointer: str
) -> None:
    await refused_at(client, path, body, pointer)


async def test_a_type_that_browsers_run_is_not_signed_inline(client: httpx.AsyncClient) -> None:
    body = {**GET, "content_type": "Image/SVG+xml; charset=utf-8", "disposition": "inline"}
    await refused_at(client, "download-urls", body, "#/content_type", "unsafe_content_type")


async def test_a_form_for_a_fixed_key_must_be_allowed_to_overwrite(
    client: httpx.AsyncClient,
) -> None:
    body = {"bucket": "demo", "key": MARK, "max_content_length": 5}
    await refused_at(client, "upload-forms", body, "#/key", "create_only_unsupported")


async def test_an_unknown_field_with_an_odd_name_is_not_echoed(client: httpx.AsyncClient) -> None:
    await refused_at(client, "download-urls", {**GET, f"{MARK}/~ %": 1}, "#")


@pytest.mark.parametrize(
    "field", ["bucket", "key", "version_id", "filename", "content_type", "cache_control"]
)
async def test_a_field_as_long_as_a_body_may_be_is_refused(
    client: httpx.AsyncClient, field: str
) -> None:
    await refused_at(client, "download-urls", {**GET, field: "x" * 60_000}, f"#/{field}")


async def test_a_megabyte_in_a_field_is_too_much(client: httpx.AsyncClient) -> None:
    body = {**GET, "key": "x" * 1_000_000}
    await refused(client, "download-urls", body, 413, "body_too_large")


async def test_a_megabyte_in_an_item_is_told_in_its_place(client: httpx.AsyncClient) -> None:
    items = [GET, {**GET, "key": "x" * 1_000_000}]
    answer = await client.post("/v1/download-urls/batch", json={"items": items})
    good, bad = answer.json()["results"]
    assert good["request"]["method"] == "GET"
    assert bad["problem"]["errors"][0]["pointer"] == "#/items/1/key"


@pytest.mark.parametrize(
    ("path", "size"), [("download-urls", 64 * 1024), ("download-urls/batch", 4 * 1024**2)]
)
async def test_a_body_over_the_limit_is_refused(
    client: httpx.AsyncClient, path: str, size: int
) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 4096 + 1):
            yield b" " * 4096

    await refused(client, path, b" " * (size + 1), 413, "body_too_large")
    await refused(client, path, b" " * size, 400, "invalid_json")
    counted = await client.post(f"/v1/{path}", content=in_pieces())
    assert (counted.status_code, counted.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "body",
    [
        b'{"items": [%s]}' % b",".join([b"{}"] * 60_000),
        b"[%s]" % b",".join([b"0"] * 60_000),
        b"{%s}" % b",".join(b'"%d":0' % i for i in range(60_000)),
    ],
)
async def test_a_body_of_nothing_but_members_is_refused_unparsed(
    client: httpx.AsyncClient, body: bytes
) -> None:
    await refused(client, "download-urls/batch", body, 413, "body_too_large")


async def test_many_faults_are_told_in_one_sentence(client: httpx.AsyncClient) -> None:
    body = {**GET, **{f"f{i}": 0 for i in range(5000)}}
    answer = await client.post("/v1/download-urls/batch", json={"items": [body]})
    assert answer.status_code == 422
    assert "errors" not in answer.json()
    few = await client.post("/v1/download-urls", json={**GET, **{f"f{i}": 0 for i in range(50)}})
    assert len(few.json()["errors"]) == 20


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("download-urls", GET, "version_id"),
        ("head-urls", GET, "version_id"),
        ("delete-urls", GET, "version_id"),
        ("list-urls", LIST, "delimiter"),
        ("list-urls", LIST, "continuation_token"),
    ],
)
async def test_no_control_character_goes_into_a_query(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    await refused_at(client, path, {**body, field: f"{MARK}\0"}, f"#/{field}")


@pytest.mark.parametrize("value", ["canary", "text/html x", "text/plain, text/html", "a/b;c"])
@pytest.mark.parametrize(
    ("path", "body"), [("download-urls", GET), ("upload-urls", UPLOAD), ("upload-forms", FORM)]
)
async def test_what_is_no_media_type_is_not_signed(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], value: str
) -> None:
    await refused_at(client, path, {**body, "content_type": value}, "#/content_type")


async def test_a_form_holds_the_stores_variable_in_its_key_alone(
    client: httpx.AsyncClient,
) -> None:
    for field, value in [
        ("content_type_prefix", "${filename}"),
        ("metadata", {"a": "${filename}"}),
    ]:
        await refused_at(client, "upload-forms", {**FORM, field: value}, f"#/{field}")


async def test_a_long_name_of_metadata_is_not_said_again(client: httpx.AsyncClient) -> None:
    for size in (65, 2000, 50_000):
        body = {**UPLOAD, "metadata": {"s" * size: "\n"}}
        await refused_at(client, "upload-urls", body, "#/metadata")


async def test_tags_that_no_header_can_hold_are_refused(client: httpx.AsyncClient) -> None:
    tags = {f"{i}": "漢" * 256 for i in range(10)}
    await refused_at(client, "upload-urls", {**UPLOAD, "tags": tags}, "#/tags")
