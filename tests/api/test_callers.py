"""What a caller's grants allow, limit and refuse."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.api.refusals import refused_at
from tests.support.app import make_app_settings, make_open_grant, run_app

GET = {"bucket": "demo", "key": "a"}


async def test_the_anonymous_caller_has_its_configured_grants() -> None:
    anonymous = {"grants": [{"bucket": "demo", "prefix": "public/", "allow": ["download"]}]}
    async with run_app(make_app_settings(unsafe_anonymous_caller=anonymous)) as client:
        client.headers.pop("Authorization")
        inside = await client.post("/v1/download-urls", json=GET | {"key": "public/a"})
        outside = await client.post("/v1/download-urls", json=GET)
    assert (inside.status_code, outside.status_code) == (200, 403)


async def test_unknown_forbidden_and_ungranted_look_the_same() -> None:
    settings = make_app_settings({"bucket": "demo", "prefix": "mine/", "allow": ["download"]})
    async with run_app(settings) as client:
        answers = [
            await client.post(f"/v1/{path}", json=GET | changed)
            for path, changed in [
                ("download-urls", {"bucket": "no-such-bucket"}),
                ("download-urls", {"bucket": "closed"}),
                ("download-urls", {"key": "yours/a"}),
                ("download-urls", {"key": "mine"}),
                ("head-urls", {"key": "mine/a"}),
            ]
        ]
    problems = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert all(problem == problems[0] for problem in problems)


@pytest.mark.parametrize(
    ("limit", "path", "body", "pointer"),
    [
        ({"max_content_length": "1KiB"}, "upload-urls", {"content_length": 1025}, "#/content_length"),
        ({"max_content_length": "1KiB"}, "upload-forms",
         {"max_content_length": 1025, "overwrite": True}, "#/max_content_length"),
        ({"content_types": ["image/*"]}, "upload-urls",
         {"content_length": 1, "content_type": "image/svg+xml"}, "#/content_type"),
        ({"allow_overwrite": False}, "upload-urls",
         {"content_length": 1, "overwrite": True}, "#/overwrite"),
        ({"allow_overwrite": False}, "upload-urls",
         {"content_length": 1, "if_match": '"e"'}, "#/if_match"),
        ({"allow": ["download"]}, "download-urls", {"version_id": "v"}, "#/version_id"),
        ({"max_keys": 100}, "list-urls", {"prefix": "", "max_keys": 101}, "#/max_keys"),
    ],
)  # fmt: skip
async def test_a_limit_of_the_callers_own_grant_is_named(
    limit: dict[str, Any], path: str, body: dict[str, Any], pointer: str
) -> None:
    asked = {"bucket": "demo", **({} if "prefix" in body else {"key": "a"}), **body}
    async with run_app(make_app_settings(make_open_grant(**limit))) as client:
        await refused_at(client, path, asked, pointer, "limit_exceeded")


async def test_a_grant_with_content_types_requires_one() -> None:
    async with run_app(make_app_settings(make_open_grant(content_types=["image/*"]))) as client:
        await refused_at(client, "upload-urls", GET | {"content_length": 1}, "#/content_type")


async def listed(*grants: dict[str, Any], **more: Any) -> dict[str, str]:
    """The query of the URL that is answered."""
    async with run_app(make_app_settings(*grants)) as client:
        answer = await client.post("/v1/list-urls", json={"bucket": "demo", "prefix": "a/"} | more)
    assert answer.status_code == 200, answer.text
    return dict(parse_qsl(urlsplit(answer.json()["url"]).query))


async def test_max_keys_defaults_to_the_limit_of_the_grant() -> None:
    assert (await listed(make_open_grant(max_keys=100)))["max-keys"] == "100"
    assert (await listed(make_open_grant(max_keys=100), max_keys=100))["max-keys"] == "100"
    assert "max-keys" not in await listed(make_open_grant())
    assert "max-keys" not in await listed(make_open_grant(max_keys=1000))


async def test_max_keys_and_lifetime_come_from_one_grant() -> None:
    small = make_open_grant(max_keys=5, max_expires_in=600)
    large = make_open_grant(max_keys=500, max_expires_in=60)
    query = await listed(small, large, expires_in=600)
    assert (query["max-keys"], query["X-Amz-Expires"]) == ("500", "60")
    query = await listed(small, large, expires_in=600, max_keys=5)
    assert (query["max-keys"], query["X-Amz-Expires"]) == ("5", "600")


@pytest.mark.parametrize(("allow", "most"), [(["download"], None), (["download", "link"], 604_800)])
async def test_only_a_grant_for_links_shows_their_lifetime(
    allow: list[str], most: int | None
) -> None:
    async with run_app(make_app_settings(make_open_grant(allow=allow))) as client:
        answer = await client.get("/v1/caller")
    assert answer.json()["grants"][0].get("max_link_expires_in") == most


async def test_a_caller_reads_the_conditions_of_its_grants() -> None:
    placed = {
        "networks": ["203.0.113.0/24", "2001:DB8::/32"],
        "only_if_tagged": {"Scan": "ok"},
    }
    grants = [make_open_grant(allow=["download"], **placed), make_open_grant(allow=["upload"])]
    async with run_app(make_app_settings(*grants)) as client:
        first, second = (await client.get("/v1/caller")).json()["grants"]
    assert first["networks"] == ["2001:db8::/32", "203.0.113.0/24"]
    assert first["only_if_tagged"] == {"Scan": "ok"}
    assert {"networks", "vpc_endpoints", "only_if_tagged"}.isdisjoint(second)


TAGGED: dict[str, Any] = {"only_if_tagged": {"Scan": "ok"}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("upload-urls", {"key": "a", "content_length": 1}),
        ("upload-forms", {"key_prefix": "a/", "max_content_length": 1}),
        ("multipart-uploads", {"key": "a", "content_length": 6 * 2**20}),
    ],
)
async def test_no_call_uploads_with_a_tag_that_is_read_by(path: str, body: dict[str, Any]) -> None:
    uploads = make_open_grant(allow=["upload", "form", "multipart"])
    lines = list[bytes]()
    settings = make_app_settings(uploads, make_open_grant(allow=["download"], **TAGGED))
    async with run_app(settings, audit=lines.extend) as client:
        for name in ("Scan", "sCAN"):
            asked = {"bucket": "demo", "tags": {name: "ok"}, **body}
            await refused_at(client, path, asked, "#/tags", "limit_exceeded")
    assert [json.loads(line)["reason"] for line in lines] == ["limit_exceeded"] * 2


async def test_the_clients_address_is_not_compared() -> None:
    """A backend asks and a browser uses: only the store sees who does."""
    settings = make_app_settings(make_open_grant(networks=["203.0.113.0/24"]))
    async with run_app(settings) as client:
        for address in ("203.0.113.9", "198.51.100.9"):
            headers = {"X-Forwarded-For": address, "X-Real-IP": address}
            answer = await client.post("/v1/download-urls", json=GET, headers=headers)
            assert answer.status_code == 200
