"""The signing calls over HTTP."""

import re
import time
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.api.problems import Problems
from service.errors import PresignError
from tests.support.app import make_app_settings, make_open_grant, run_app


async def signed(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/{path}", json={"bucket": "demo", **body})
    assert answer.status_code == 200, answer.text
    members: dict[str, Any] = answer.json()
    return members


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def epoch(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


async def test_a_download_is_a_get_without_headers(client: httpx.AsyncClient) -> None:
    answer = await signed(client, "download-urls", key="a b/ü.txt")
    assert answer.keys() == {"method", "url", "headers", "expires_at"}
    assert (answer["method"], answer["headers"]) == ("GET", {})
    assert answer["url"].startswith("https://demo.s3.example/a%20b/%C3%BC.txt?")
    assert query(answer["url"])["X-Amz-Expires"] == "900"  # the default


async def test_expires_at_is_what_the_url_says(client: httpx.AsyncClient) -> None:
    before = int(time.time())
    answer = await signed(client, "download-urls", key="a", expires_in=60)
    signed_at = datetime.strptime(query(answer["url"])["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
    assert query(answer["url"])["X-Amz-Expires"] == "60"
    assert epoch(answer["expires_at"]) == signed_at.timestamp() + 60
    assert before <= epoch(answer["expires_at"]) - 60 <= time.time()


async def test_a_lifetime_is_limited_by_the_grant() -> None:
    async with run_app(make_app_settings(make_open_grant(max_expires_in=300))) as client:
        asked = await signed(client, "download-urls", key="a", expires_in=600)
        unasked = await signed(client, "download-urls", key="a")
    assert (asked["limited_by"], query(asked["url"])["X-Amz-Expires"]) == ("grant", "300")
    assert query(unasked["url"])["X-Amz-Expires"] == "300"
    assert "limited_by" not in unasked


async def test_a_download_sets_response_headers(client: httpx.AsyncClient) -> None:
    answer = await signed(
        client,
        "download-urls",
        key="a",
        version_id="v1",
        filename='Résumé "1".pdf',
        content_type="application/pdf",
        cache_control="private",
    )
    asked = query(answer["url"])
    assert asked["versionId"] == "v1"
    assert asked["response-content-type"] == "application/pdf"
    assert asked["response-cache-control"] == "private"
    assert asked["response-content-disposition"] == (
        "attachment; filename=\"R_sum_ _1_.pdf\"; filename*=UTF-8''R%C3%A9sum%C3%A9%20%221%22.pdf"
    )


async def test_a_type_that_browsers_run_is_an_attachment(client: httpx.AsyncClient) -> None:
    answer = await signed(client, "download-urls", key="a", content_type="text/html")
    assert query(answer["url"])["response-content-disposition"] == "attachment"


async def test_an_upload_is_create_only_of_one_type_and_size(client: httpx.AsyncClient) -> None:
    answer = await signed(client, "upload-urls", key="a", content_length=5)
    assert (answer["method"], answer["content_length"]) == ("PUT", 5)
    default = {"content-type": "application/octet-stream"}
    assert answer["headers"] == {**default, "if-none-match": "*"}
    replaced = await signed(client, "upload-urls", key="a", content_length=5, if_match='"etag"')
    assert replaced["headers"] == {**default, "if-match": '"etag"'}


async def test_every_option_of_an_upload_is_a_signed_header(client: httpx.AsyncClient) -> None:
    answer = await signed(
        client,
        "upload-urls",
        key="a",
        content_length=5,
        content_type="text/plain; charset=utf-8",
        checksum={"algorithm": "CRC32", "value": "AAAAAA=="},
        metadata={"author": "Ann"},
        filename="a.txt",
        cache_control="no-cache",
        content_encoding="gzip",
        tags={"team": "a b", "k": "ü"},
        storage_class="STANDARD_IA",
        overwrite=True,
    )
    assert answer["headers"] == {
        "content-type": "text/plain; charset=utf-8",
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-meta-author": "Ann",
        "content-disposition": 'attachment; filename="a.txt"',
        "cache-control": "no-cache",
        "content-encoding": "gzip",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-tagging": "team=a%20b&k=%C3%BC",
    }
    names = set(query(answer["url"])["X-Amz-SignedHeaders"].split(";"))
    assert names == {*answer["headers"], "host", "content-length"}


async def test_a_form_below_a_prefix_gets_a_new_key(client: httpx.AsyncClient) -> None:
    below = {"key_prefix": "in/", "max_content_length": 5}
    named = await signed(client, "upload-forms", **below, filename="a b.txt")
    unnamed = await signed(client, "upload-forms", **below)
    assert re.fullmatch(r"in/\w{32}/a b\.txt", named["key"])
    assert re.fullmatch(r"in/\w{32}/\$\{filename\}", unnamed["key"])  # which the browser fills in
    assert named["key"][:35] != unnamed["key"][:35]
    assert named["fields"]["key"] == named["key"]
    assert named["url"] == "https://demo.s3.example/"


@pytest.mark.parametrize(("path", "method"), [("head-urls", "HEAD"), ("delete-urls", "DELETE")])
async def test_a_head_and_a_delete_may_name_a_version(
    client: httpx.AsyncClient, path: str, method: str
) -> None:
    answer = await signed(client, path, key="a", version_id="v1")
    assert (answer["method"], answer["headers"]) == (method, {})
    assert query(answer["url"])["versionId"] == "v1"


async def test_a_list_addresses_the_bucket(client: httpx.AsyncClient) -> None:
    page = {"prefix": "a/", "delimiter": "/", "max_keys": 10, "continuation_token": "t+/="}
    answer = await signed(client, "list-urls", **page)
    assert (answer["method"], urlsplit(answer["url"]).path) == ("GET", "/")
    sent = {"list-type": "2", "prefix": "a/", "delimiter": "/", "max-keys": "10"}
    assert (sent | {"continuation-token": "t+/="}).items() <= query(answer["url"]).items()


async def test_without_a_session_the_answer_is_503_with_retry_after() -> None:
    async with run_app(make_app_settings(make_open_grant()), failure=OSError("no route")) as client:
        answer = await client.post("/v1/download-urls", json={"bucket": "demo", "key": "a"})
        items = {"items": [{"bucket": "demo", "key": "a"}]}
        batch = await client.post("/v1/download-urls/batch", json=items)
        ready = await client.get("/readyz")
        live = await client.get("/livez")
    assert (answer.status_code, answer.json()["code"]) == (503, "credentials_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert batch.json()["results"][0]["problem"]["code"] == "credentials_unavailable"
    assert (ready.status_code, live.status_code) == (503, 200)


def test_every_error_of_the_domain_has_its_status() -> None:
    for leaf in PresignError.__subclasses__():
        assert Problems().problem(leaf.code, "detail")["status"] >= 400


async def test_equal_requests_of_a_window_get_identical_responses(
    client: httpx.AsyncClient,
) -> None:
    """A window may end between two of the requests."""
    body = {"bucket": "demo", "key": "a", "expires_in": 60, "stable_for": 600}
    answers = [await client.post("/v1/download-urls", json=body) for _ in range(3)]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    by_window = {query(each.json()["url"])["X-Amz-Date"]: each.content for each in answers}
    assert len({each.content for each in answers}) == len(by_window) <= 2
    answer = answers[0].json()
    signed_at = datetime.strptime(query(answer["url"])["X-Amz-Date"], "%Y%m%dT%H%M%S%z").timestamp()
    assert signed_at % 600 == 0
    assert query(answer["url"])["X-Amz-Expires"] == "660"
    assert epoch(answer["expires_at"]) == signed_at + 660
    assert "limited_by" not in answer
