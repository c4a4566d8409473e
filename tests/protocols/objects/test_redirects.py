"""`/o/{bucket}/{key}` over ASGI: what a redirect points to, and what is refused."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from tests.support.app import API_KEY, SECRET, TOKEN, make_app_settings, make_open_grant, run_app

SIZE: Final = {"Content-Length": "5"}
NEW: Final = SIZE | {"If-None-Match": "*"}
KMS: Final = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "k",
}


async def answer_to(
    method: str,
    path: str = "/o/demo/a.txt",
    headers: Mapping[str, str] | None = None,
    *,
    audit: Any = None,
    buckets: Mapping[str, Any] | None = None,
    **grant: Any,
) -> httpx.Response:
    settings = make_app_settings(make_open_grant(**grant), buckets=buckets or {})
    async with run_app(settings, audit=audit) as client:
        return await client.request(method, path, headers=headers)


def target(answer: httpx.Response) -> tuple[str, dict[str, list[str]]]:
    """Path and query of the URL at the store."""
    assert answer.status_code == 307
    url = urlsplit(answer.headers["location"])
    assert url.netloc == "demo.s3.example"
    return unquote(url.path), parse_qs(url.query)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_a_redirect_has_no_body_and_may_not_be_stored(method: str) -> None:
    answer = await answer_to(method, headers=SIZE if method == "PUT" else None)
    path, query = target(answer)
    assert (path, query["X-Amz-Expires"]) == ("/a.txt", ["300"])
    assert (answer.content, answer.headers["content-length"]) == (b"", "0")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == "Authorization, Origin"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-request-id"]


async def test_each_method_has_a_signature_of_its_own() -> None:
    answers = [await answer_to(method) for method in ("GET", "HEAD", "DELETE")]
    assert len({target(answer)[1]["X-Amz-Signature"][0] for answer in answers}) == 3


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_path_that_names_no_key_is_refused(method: str) -> None:
    answer = await answer_to(method, "/o/demo/a/%2e%2e/sentinel", NEW)
    assert code(answer) == (422, "invalid_request")
    assert "sentinel" not in answer.text


async def test_the_path_is_read_as_it_was_sent() -> None:
    assert target(await answer_to("GET", "/o/demo//a%2F%C3%A9+%252F"))[0] == "//a/\u00e9+%2F"


async def test_a_path_whose_prefix_is_encoded_is_unknown() -> None:
    assert code(await answer_to("GET", "/%6F/demo/a")) == (404, "not_found")


async def test_the_query_overrides_response_headers() -> None:
    path = "/o/demo/a?versionId=v&filename=b.txt&disposition=inline&content_type=text/plain"
    for method in ("GET", "HEAD"):
        _, query = target(await answer_to(method, path))
        assert query["versionId"] == ["v"]
        assert query["response-content-disposition"] == ['inline; filename="b.txt"']
        assert query["response-content-type"] == ["text/plain"]


@pytest.mark.parametrize(
    ("method", "query"),
    [
        *(("GET", each) for each in ("x=1", "filename=a&filename=b", "after=t", "filename=%ff")),
        ("GET", "disposition=inline&content_type=text/html"),
        ("PUT", "versionId=v"),
        ("DELETE", "versionId=v"),
    ],
)
async def test_other_parameters_are_refused(method: str, query: str) -> None:
    answer = await answer_to(method, f"/o/demo/a?{query}", NEW)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("allow", "status"), [("head", 307), ("download", 307), ("upload", 403), ("list", 403)]
)
async def test_a_head_needs_head_or_download(allow: str, status: int) -> None:
    lines = list[bytes]()
    answer = await answer_to("HEAD", allow=[allow], audit=lines.extend)
    assert answer.status_code == status
    operation = "download" if allow == "download" else "head"
    if status == 403:
        operation = "download"
    assert json.loads(lines[-1])["operation"] == operation


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_bucket_looks_like_a_forbidden_one(method: str) -> None:
    answers = [await answer_to(method, f"/o/{name}/a", NEW) for name in ("closed", "unknown")]
    assert code(answers[0]) == code(answers[1]) == (403, "forbidden")
    assert answers[0].json()["detail"] == answers[1].json()["detail"]


async def test_a_put_signs_what_the_client_sends_again() -> None:
    sent = {
        "Content-Type": "text/plain",
        "x-amz-meta-owner": "a",
        "x-amz-checksum-crc32": "AAAAAA==",
        "Accept-Language": "en",
    }
    _, query = target(await answer_to("PUT", headers=NEW | sent))
    assert query["X-Amz-SignedHeaders"] == [
        "content-length;content-type;host;if-none-match;x-amz-checksum-crc32;x-amz-meta-owner"
    ]


@pytest.mark.parametrize(
    ("headers", "grant", "refusal"),
    [
        ({"Transfer-Encoding": "chunked"}, {}, (411, "length_required")),
        (SIZE, {"allow_overwrite": False}, (428, "precondition_required")),
        (NEW | {"Content-Length": str(5 * 1024**3 + 1)}, {}, (413, "body_too_large")),
        (NEW, {"max_content_length": 4}, (413, "body_too_large")),
        (
            NEW | {"Content-Type": "a/b"},
            {"content_types": ["c/*"]},
            (415, "unsupported_media_type"),
        ),
        (NEW, {"content_types": ["c/*"]}, (415, "unsupported_media_type")),
        (SIZE | {"If-Match": '"e"'}, {"allow_overwrite": False}, (403, "limit_exceeded")),
        (NEW | {"If-Match": '"e"'}, {}, (422, "invalid_request")),
        (NEW | {"x-amz-acl": "public-read"}, {}, (422, "invalid_request")),
        (NEW | {"x-amz-server-side-encryption": "AES256"}, {}, (422, "invalid_request")),
    ],
)
async def test_a_put_is_refused_in_the_words_of_http(
    headers: Mapping[str, str], grant: Mapping[str, Any], refusal: tuple[int, str]
) -> None:
    answer = await answer_to("PUT", headers=headers, **grant)
    assert code(answer) == refusal
    if refusal[0] == 413:
        assert "/v1/multipart-uploads" in answer.json()["detail"]
    if refusal[0] == 428:
        assert "If-None-Match: *" in answer.json()["detail"]


async def test_an_encrypted_bucket_needs_its_headers() -> None:
    bucket = {
        "region": "eu-west-1",
        "role_arn": "arn:aws:iam::111122223333:role/presign",
        "encryption": {"algorithm": "aws:kms", "kms_key_id": "k"},
    }
    missing, given = [
        await answer_to("PUT", headers=headers, buckets={"demo": bucket})
        for headers in (NEW, NEW | KMS)
    ]
    assert code(missing) == (422, "invalid_request")
    for name, value in KMS.items():
        assert f"`{name}: {value}`" in missing.json()["detail"]
    assert "x-amz-server-side-encryption" in target(given)[1]["X-Amz-SignedHeaders"][0]


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {API_KEY}", 307),
        (f"Basic {base64.b64encode(f'anyone:{API_KEY}'.encode()).decode()}", 307),
        (f"basic  {base64.b64encode(f':{API_KEY}'.encode()).decode()}", 307),
        (f"Basic {base64.b64encode(f'a:{API_KEY}:b'.encode()).decode()}", 401),
        (f"Basic {base64.b64encode(API_KEY.encode()).decode()}", 401),
        ("Basic !", 401),
        ("Basic", 401),
        (f"Digest {API_KEY}", 401),
    ],
)
async def test_the_key_may_be_a_basic_password(authorization: str, status: int) -> None:
    answer = await answer_to("GET", headers={"Authorization": authorization})
    assert answer.status_code == status
    if status == 401:
        challenges = answer.headers.get_list("www-authenticate")
        assert challenges == ['Basic realm="presign"', "Bearer"]


async def test_two_credentials_are_refused() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        headers = [("Authorization", f"Bearer {API_KEY}")] * 2
        answer = await client.get("/o/demo/a", headers=headers)
    assert code(answer) == (401, "unauthenticated")


async def test_basic_is_refused_outside_of_object_urls() -> None:
    basic = base64.b64encode(f"x:{API_KEY}".encode()).decode()
    async with run_app(make_app_settings(make_open_grant())) as client:
        answer = await client.post(
            "/v1/download-urls",
            json={"bucket": "demo", "key": "a"},
            headers={"Authorization": f"Basic {basic}"},
        )
    assert code(answer) == (401, "unauthenticated")
    assert answer.headers.get_list("www-authenticate") == ["Bearer"]


async def test_a_refusal_and_the_trail_have_no_secret() -> None:
    lines = list[bytes]()
    for method in ("GET", "PUT"):
        answer = await answer_to(method, "/o/closed/a", NEW, audit=lines.extend)
        for secret in (API_KEY, SECRET, TOKEN, "X-Amz-Signature"):
            assert secret not in answer.text
            assert secret.encode() not in b"".join(lines)
    assert [json.loads(line)["decision"] for line in lines] == ["denied", "denied"]


async def test_the_grants_longest_lifetime_wins() -> None:
    _, query = target(await answer_to("GET", max_expires_in=60))
    assert query["X-Amz-Expires"] == ["60"]


@pytest.mark.parametrize(("objects", "expires"), [({"expires_in": 7}, "7"), (True, "300")])
async def test_the_lifetime_is_configured(objects: Any, expires: str) -> None:
    async with run_app(make_app_settings(make_open_grant(), objects=objects)) as client:
        _, query = target(await client.get("/o/demo/a"))
    assert query["X-Amz-Expires"] == [expires]


async def test_objects_false_gives_no_redirect() -> None:
    async with run_app(make_app_settings(make_open_grant(), objects=False)) as client:
        assert code(await client.get("/o/demo/a")) == (404, "not_found")


async def test_a_rate_limit_counts_redirects() -> None:
    settings = make_app_settings(make_open_grant(), rate_limit="2/minute")
    async with run_app(settings) as client:
        statuses = [(await client.get("/o/demo/a")).status_code for _ in range(3)]
    assert statuses == [307, 307, 429]


async def test_pages_may_follow_a_redirect() -> None:
    origin = "https://app.example"
    settings = make_app_settings(make_open_grant(), server={"cors_origins": [origin]})
    async with run_app(settings) as client:
        preflight = await client.options(
            "/o/demo/a",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "authorization,x-amz-meta-a",
            },
        )
        answer = await client.get("/o/demo/a", headers={"Origin": origin})
    assert preflight.status_code == 200
    assert "x-amz-meta-a" in preflight.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == origin
    assert target(answer)


async def test_a_grant_to_head_hides_none_to_download_versions() -> None:
    head = {"bucket": "demo", "prefix": "a/", "allow": ["head"]}
    versions = make_open_grant(allow=["download", "versions"])
    async with run_app(make_app_settings(head, versions)) as client:
        assert target(await client.head("/o/demo/a/x?versionId=1"))


async def test_spaces_after_a_header_are_no_part_of_it() -> None:
    sent = NEW | {"Content-Type": "text/plain \t"}
    assert target(await answer_to("PUT", headers=sent, content_types=["text/plain"]))


@pytest.mark.parametrize("tagging", ["Scan=ok", "a=b&%53can=ok", "scan=x", "a=b&SCAN"])
async def test_no_redirected_upload_has_a_tag_that_is_read_by(tagging: str) -> None:
    lines = list[bytes]()
    scanned = make_open_grant(allow=["download"], only_if_tagged={"Scan": "ok"})
    settings = make_app_settings(make_open_grant(allow=["upload"]), scanned)
    async with run_app(settings, audit=lines.extend) as client:
        answer = await client.put("/o/demo/a.txt", headers=NEW | {"x-amz-tagging": tagging})
        other = await client.put("/o/demo/a.txt", headers=NEW | {"x-amz-tagging": "a=Scan"})
    assert code(answer) == (403, "limit_exceeded")
    assert answer.json()["errors"][0]["pointer"] == "#/headers/x-amz-tagging"
    assert other.status_code == 307
    assert [json.loads(line)["decision"] for line in lines] == ["denied", "allowed"]
