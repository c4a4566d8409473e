"""What a caller's grants allow, limit and refuse."""

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
