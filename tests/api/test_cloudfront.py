"""A bucket that CloudFront delivers, over HTTP: whose URLs, batches, cookies, and a new key."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app.settings import Settings
from service.config.key_files import new_key
from service.errors import Forbidden
from service.presigning.requests import PresignBatch
from service.signing.cloudfront import CloudFrontSigner
from tests.protocols.hugging_face.harness import FILE, HUB, store_of
from tests.support.app import (
    app_of,
    make_app_settings,
    make_open_grant,
    make_store_response,
    run_app,
)
from tests.support.cloudfront import (
    KEY_ID,
    ORIGIN,
    ec_key,
    make_delivery,
    pem,
    query_of,
    rsa_key,
    settings_with_cloudfront,
    statement_of,
)
from tests.support.factories import (
    REQUESTER,
    make_bucket,
    make_grant,
    make_request,
    make_snapshot,
)

YEAR = 31_536_000
FILM = {"bucket": "demo", "prefix": "film/", "expires_in": 3600}
LONG = make_open_grant(max_expires_in=YEAR)


def settings_of(directory: Path, *grants: dict[str, Any], **cloudfront: Any) -> Settings:
    (directory / "link.key").write_text(new_key(b"k" * 32))
    role = "arn:aws:iam::111122223333:role/presign"
    section = settings_with_cloudfront(directory, **cloudfront)
    return make_app_settings(
        *(grants or (LONG,)),
        buckets={"demo": {"region": "eu-west-1", "role_arn": role, "cloudfront": section}},
        hugging_face=HUB,
        links={"keys": [str(directory / "link.key")]},
        server={"public_url": "https://files.example.com"},
    )


@asynccontextmanager
async def run(
    directory: Path, *grants: dict[str, Any], **cloudfront: Any
) -> AsyncIterator[httpx.AsyncClient]:
    listed = store_of()

    async def store(request: httpx.Request) -> httpx.Response:
        return make_store_response(200, "") if request.method == "HEAD" else await listed(request)

    settings = settings_of(directory, *grants, **cloudfront)
    async with run_app(settings, store_transport=httpx.MockTransport(store)) as app:
        yield app


def problem(answer: httpx.Response, status: int = 422, code: str = "invalid_request") -> list[str]:
    """Check a problem, and return its pointers."""
    members = answer.json()
    assert (answer.status_code, members["code"]) == (status, code)
    return [error["pointer"] for error in members.get("errors", [])]


async def location(client: httpx.AsyncClient, method: str, path: str) -> str:
    answer = await client.request(method, path)
    assert answer.status_code in {302, 307}, answer.text
    return answer.headers["location"]


async def urls_of_each_surface(client: httpx.AsyncClient) -> dict[str, str]:
    download = await client.post("/v1/download-urls", json={"bucket": "demo", "key": "a"})
    link = (await client.post("/v1/links", json={"bucket": "demo", "key": "a"})).json()["url"]
    return {
        "downloads": download.json()["url"],
        "object_urls": await location(client, "GET", "/o/demo/a"),
        "links": await location(client, "GET", httpx.URL(link).path),
        "protocols": await location(client, "GET", FILE),
    }


async def test_every_door_gives_cloudfront_urls(tmp_path: Path) -> None:
    async with run(tmp_path) as client:
        urls = await urls_of_each_surface(client)
    assert {name: url.startswith(f"{ORIGIN}/") for name, url in urls.items()} == dict.fromkeys(
        urls, True
    )


@pytest.mark.parametrize("surface", ["downloads", "object_urls", "links", "protocols"])
async def test_each_door_can_be_the_only_one(tmp_path: Path, surface: str) -> None:
    async with run(tmp_path, deliver=[surface]) as client:
        urls = await urls_of_each_surface(client)
    assert [name for name, url in urls.items() if url.startswith(f"{ORIGIN}/")] == [surface]


async def test_a_head_of_an_object_url_stays_s3s(tmp_path: Path) -> None:
    async with run(tmp_path) as client:
        assert "X-Amz-Signature" in await location(client, "HEAD", "/o/demo/a")


async def test_a_url_may_live_for_a_year(tmp_path: Path) -> None:
    body = {"bucket": "demo", "key": "a", "expires_in": YEAR}
    async with run(tmp_path) as client:
        answer = (await client.post("/v1/download-urls", json=body)).json()
        other = await client.post("/v1/download-urls", json={**body, "bucket": "closed"})
        too_long = await client.post("/v1/download-urls", json={**body, "expires_in": YEAR + 1})
    assert "limited_by" not in answer
    assert query_of(answer["url"])["Key-Pair-Id"] == KEY_ID
    problem(other, 403, "forbidden")
    assert problem(too_long) == ["#/expires_in"]


@pytest.mark.parametrize("path", ["/v1/download-urls", "/v1/cookies"])
async def test_a_grant_without_a_limit_allows_the_default(tmp_path: Path, path: str) -> None:
    """Nobody can revoke a CloudFront URL, so a longer life needs a word of the operator."""
    where = {"prefix": ""} if path.endswith("cookies") else {"key": "a"}
    asked: tuple[dict[str, int], ...] = ({}, {"expires_in": 900}, {"expires_in": 901})
    async with run(tmp_path, make_open_grant()) as client:
        answers = [await client.post(path, json={"bucket": "demo", **where, **a}) for a in asked]
        [grant] = (await client.get("/v1/caller")).json()["grants"]
    assert [each.json().get("limited_by") for each in answers] == [None, None, "grant"]
    assert grant["max_expires_in"] == 900


async def test_a_grant_without_downloads_has_no_such_limit(tmp_path: Path) -> None:
    body = {"bucket": "demo", "key": "a", "content_length": 1, "expires_in": 901}
    async with run(tmp_path, make_open_grant(allow=["upload"])) as client:
        answer = await client.post("/v1/upload-urls", json=body)
        [grant] = (await client.get("/v1/caller")).json()["grants"]
    assert answer.json().get("limited_by") is None
    assert "max_expires_in" not in grant


async def test_a_bucket_without_cloudfront_keeps_its_bounds(tmp_path: Path) -> None:
    body = {"bucket": "demo", "key": "a", "expires_in": 604_801}
    async with run_app(make_app_settings(make_open_grant())) as client:
        answer = await client.post("/v1/download-urls", json=body)
        batch = await client.post(
            "/v1/download-urls/batch", json={"bucket": "demo", "keys": ["a"], "expires_in": YEAR}
        )
        cookies = await client.post("/v1/cookies", json=FILM)
    assert problem(answer) == ["#/expires_in"]
    assert batch.json()["failed"] == 1
    assert problem(cookies) == ["#/bucket"]


async def test_cookies_are_answered_with_their_address(tmp_path: Path) -> None:
    async with run(tmp_path) as client:
        answer = await client.post("/v1/cookies", json=FILM)
    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert set(body) == {"cookies", "url", "expires_at"}
    assert set(body["cookies"]) == {
        f"CloudFront-{name}" for name in ("Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
    }
    assert statement_of(body["cookies"])[0] == f"{ORIGIN}/film/*"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"prefix": "film"}, "#/prefix"),
        ({"prefix": None}, "#/prefix"),
        ({"expires_in": YEAR + 1}, "#/expires_in"),
        ({"networks": []}, "#/networks"),
        ({"bucket": "closed"}, None),
        ({"bucket": "unknown"}, None),
    ],
    ids=str,
)
async def test_bad_requests_for_cookies_are_refused(
    tmp_path: Path, change: dict[str, Any], pointer: str | None
) -> None:
    async with run(tmp_path) as client:
        answer = await client.post("/v1/cookies", json=FILM | change)
    if pointer is None:
        problem(answer, 403, "forbidden")
    else:
        assert problem(answer) == [pointer]


@pytest.mark.parametrize("kind", ["rsa", "p-256"])
async def test_a_batch_is_signed_in_another_thread(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 signatures of RSA take a second."""
    threads, original = set[int](), CloudFrontSigner.url

    def url(signer: CloudFrontSigner, resource: str, *, expires_at: int) -> str:
        threads.add(threading.get_ident())
        return original(signer, resource, expires_at=expires_at)

    monkeypatch.setattr(CloudFrontSigner, "url", url)
    configured = settings_of(tmp_path)
    (tmp_path / "cloudfront.pem").write_bytes(pem(rsa_key() if kind == "rsa" else ec_key()))
    keys = [*(f"k{i}" for i in range(20)), "a b", "a*b"]
    async with run_app(configured) as client:
        answer = await client.post("/v1/download-urls/batch", json={"bucket": "demo", "keys": keys})
    urls = [each["request"]["url"] for each in answer.json()["results"]]
    names = [url.partition("?")[0].removeprefix(f"{ORIGIN}/") for url in urls]
    assert names == [*keys[:20], "a%20b", "a%2Ab"]
    assert threading.get_ident() not in threads


async def test_a_batch_mixes_answers_and_refusals(tmp_path: Path) -> None:
    items = [{"bucket": "demo", "key": "a"}, {"bucket": "demo", "key": "b", "version_id": "v"}]
    items += [{"bucket": "closed", "key": "c"}]
    async with run(tmp_path) as client:
        batch = (await client.post("/v1/download-urls/batch", json={"items": items})).json()
    delivered, versioned, closed = batch["results"]
    assert delivered["request"]["url"].startswith(ORIGIN)
    assert [each["pointer"] for each in versioned["problem"]["errors"]] == ["#/items/1/version_id"]
    assert closed["problem"]["code"] == "forbidden"


async def test_a_batch_is_decided_again_if_the_configuration_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile, in the thread that signs."""
    original = CloudFrontSigner.url
    async with run(tmp_path) as client:
        core = app_of(client).parts.core

        def url(signer: CloudFrontSigner, resource: str, *, expires_at: int) -> str:
            core.authorizer.snapshot = make_snapshot()
            return original(signer, resource, expires_at=expires_at)

        monkeypatch.setattr(CloudFrontSigner, "url", url)
        core.authorizer.snapshot = make_snapshot(
            make_grant(), buckets={"reports": make_bucket(cloudfront=make_delivery())}
        )
        batch = PresignBatch(make_request(key="a"), ["a", "b"])
        answers = await core.presigner.presign_batch(REQUESTER, [batch])
    assert [type(each) for each in answers] == [Forbidden, Forbidden]
