"""Diagnoses over HTTP: what they find, and for whom."""

from typing import Any

import pytest

from tests.api.diagnosing import FORBIDDEN, MISMATCH, OTHER, Desk, a_desk, grants
from tests.support.app import ADDRESS


async def test_a_signed_request_is_diagnosed_with_proof(desk: Desk) -> None:
    answer = await desk.ask(await desk.url(), "PUT", headers={}, **MISMATCH)
    [finding] = answer.json()["findings"]
    assert finding == {
        "code": "method_changed",
        "proven": True,
        "summary": "The URL is signed for GET, but was sent as PUT.",
        "fix": "Send it as GET: `curl '<url>'`",
    }


async def test_a_request_that_works_has_no_findings(desk: Desk) -> None:
    assert await desk.codes(await desk.url()) == []
    assert await desk.codes(await desk.url("head-urls"), "HEAD", headers={}) == []


async def test_lists_and_forms_are_diagnosed(desk: Desk) -> None:
    answer = await desk.client.post("/v1/list-urls", json={"bucket": "demo", "prefix": "a/"})
    assert await desk.codes(answer.json()["url"]) == []
    form = {"bucket": "demo", "key_prefix": "a/", "max_content_length": 5}
    answer = await desk.client.post("/v1/upload-forms", json=form)
    large: dict[str, Any] = {
        "response_status": 400,
        "response_body": "<Error><Code>EntityTooLarge</Code></Error>",
    }
    assert await desk.codes(answer.json()["url"], "POST", **large) == ["too_large"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/b/c"),
        ("GET", "/ab"),
        ("PUT", "/a"),
        ("GET", "/?list-type=2&prefix="),
        ("GET", "/?list-type=2&prefix=b/"),
        ("GET", "/"),
        ("PUT", "/b/c?uploadId=u&partNumber=1"),
    ],
)
async def test_another_key_is_forbidden_with_the_usual_detail(
    desk: Desk, method: str, path: str
) -> None:
    mark = "&" if "?" in path else "?"
    url = f"https://demo.s3.example{path}{mark}X-Amz-Credential=A&X-Amz-Signature=B"
    assert await desk.refusal(url, method) == FORBIDDEN


@pytest.mark.parametrize(
    "url",
    [
        "https://closed.s3.example/a/b?X-Amz-Signature=B",
        "http://inner.example/closed/a/b?X-Amz-Signature=B",
        "https://elsewhere.example/a/b?X-Amz-Credential=A&X-Amz-Signature=B",
        "https://acme.s3.amazonaws.com/a/b?X-Amz-Credential=A&X-Amz-Signature=B",
        "https://s3.amazonaws.com/acme/a/b?X-Amz-Credential=A&X-Amz-Signature=B",
        "https://[::1/a/b",
        "nothing at all",
        "?",
        "\x00",
    ],
)
async def test_another_bucket_is_forbidden_whether_it_exists_or_not(desk: Desk, url: str) -> None:
    assert await desk.refusal(url) == FORBIDDEN
    assert await desk.refusal(url, "POST", **MISMATCH) == FORBIDDEN


async def test_a_bucket_is_recognised_at_other_aws_hosts(desk: Desk) -> None:
    url = await desk.url()
    for host in ("demo.s3.amazonaws.com", "demo.s3-eu-west-1.amazonaws.com"):
        assert await desk.codes(url.replace(ADDRESS.host, host), **MISMATCH) == ["host_changed"]
    path_style = url.replace(f"{ADDRESS.host}/", "s3.amazonaws.com/demo/")
    assert "host_changed" in await desk.codes(path_style, **MISMATCH)
    closed = url.replace(ADDRESS.host, "closed.s3.amazonaws.com")
    assert await desk.refusal(closed) == FORBIDDEN


async def test_an_unknown_host_needs_a_session_of_the_caller(desk: Desk) -> None:
    through_a_proxy = (await desk.url()).replace(ADDRESS.host, "cdn.example")
    assert await desk.codes(through_a_proxy, **MISMATCH) == ["host_changed"]
    assert await desk.refusal(through_a_proxy, key=OTHER) == FORBIDDEN
    assert await desk.refusal(through_a_proxy.replace("/a/", "/c/")) == FORBIDDEN


async def test_the_session_of_another_caller_looks_unknown(desk: Desk) -> None:
    url = await desk.url()  # of a key that both may have signed
    assert await desk.codes(url, "PUT", headers={}, **MISMATCH) == ["method_changed"]
    of_another = await desk.ask(url, "PUT", OTHER, headers={}, **MISMATCH)
    unknown = url.replace("ASIAEXAMPLE", "ASIANOBODY")
    of_nobody = await desk.ask(unknown, "PUT", OTHER, headers={}, **MISMATCH)
    assert of_another.json() == of_nobody.json()
    codes = [finding["code"] for finding in of_another.json()["findings"]]
    assert codes == ["signature_mismatch", "signed_elsewhere"]


async def test_a_shared_session_serves_all_its_callers() -> None:
    buckets = {"demo": {"region": "eu-west-1", "credentials": "static"}}
    async with a_desk(grants("a/"), buckets=buckets) as desk:
        url = await desk.url()
        assert await desk.codes(url, "PUT", OTHER, headers={}) == ["method_changed"]


@pytest.mark.parametrize("allow", ["download", "upload", "head", "delete"])
async def test_any_operation_on_the_object_allows_a_diagnosis(allow: str) -> None:
    async with a_desk(grants("a/", allow)) as desk:
        url = "https://demo.s3.example/a/b?X-Amz-Credential=A&X-Amz-Signature=B"
        for method in ("GET", "PUT", "HEAD", "DELETE", "PATCH"):
            assert (await desk.codes(url, method))[0] == "url_truncated"
        listing = "https://demo.s3.example/?list-type=2&prefix=a/&X-Amz-Signature=B"
        assert await desk.refusal(listing) == FORBIDDEN
        assert await desk.refusal(f"{url}&uploadId=u", "PUT") == FORBIDDEN
        assert await desk.refusal("https://demo.s3.example/", "POST") == FORBIDDEN


async def test_limits_of_a_grant_do_not_forbid_a_diagnosis() -> None:
    async with a_desk({**grants("a/", "download"), "max_expires_in": 60}) as desk:
        url = "https://demo.s3.example/a/b?versionId=v&X-Amz-Expires=900&X-Amz-Signature=B"
        assert (await desk.codes(url))[0] == "url_truncated"
