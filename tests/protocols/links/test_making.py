"""`POST /v1/links`: who gets which links, and what the audit trail says."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.protocols.links.tickets import LinkKeys
from tests.api.every_call import examples
from tests.protocols.links.harness import LINK, STRANGER, URL, WEEK, link_grant, settings, start
from tests.support.app import make_app_settings, run_app
from tests.support.valkey import Valkey


async def test_a_link_lives_a_week_unless_less_is_requested(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        for asked, seconds in (({}, WEEK), ({"expires_in": 60}, 60)):
            made = await harness.create(**asked)
            now = datetime.fromtimestamp(int(harness.clock.wall()), UTC)
            assert datetime.fromisoformat(made["expires_at"]) == now + timedelta(seconds=seconds)
            assert "limited_by" not in made


async def test_a_link_names_its_maker_and_what_it_is_for(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        made = await harness.create(filename="ü.txt")
    begin, _, text = made["url"].rpartition("/")
    ticket = LinkKeys([b"k" * 32]).open_ticket(text)
    assert begin == f"{URL}/l"
    assert ticket is not None
    assert ticket.id == made["id"]
    link = ticket.link
    assert (link.caller.issuer, link.caller.subject) == (None, "tester")
    assert (link.bucket, link.key, link.filename) == ("demo", "a/b.txt", "ü.txt")
    assert (link.operation, link.is_prefix, link.max_uses) == ("download", False, None)


async def test_a_link_has_words_for_its_visitors(tmp_path: Path) -> None:
    words = {"label": "Ann \u0627", "message": "Two\nlines, \u200fplease"}
    async with start(settings(tmp_path)) as harness:
        made = await harness.create(**words)
    ticket = LinkKeys([b"k" * 32]).open_ticket(made["url"].rpartition("/")[2])
    assert ticket is not None
    assert (ticket.link.label, ticket.link.message) == (words["label"], words["message"])


async def test_equal_requests_get_different_links(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        made = [await harness.create() for _ in range(3)]
    assert len({each["id"] for each in made}) == len({each["url"] for each in made}) == 3


async def test_a_grant_limits_how_long_a_link_lives(tmp_path: Path) -> None:
    limited = settings(tmp_path, link_grant(max_link_expires_in=60, max_expires_in=1))
    async with start(limited) as harness:
        made = await harness.create(expires_in=61)
        assert made["limited_by"] == "grant"
        assert "limited_by" not in await harness.create(expires_in=60)
        assert "limited_by" not in await harness.create()
    assert [line["expires_in"] for line in harness.audit_lines] == [60, 60, 60]
    assert [line.get("expires_in_asked") for line in harness.audit_lines] == [61, 60, None]


@pytest.mark.parametrize(
    ("grants", "link"),
    [
        ([link_grant(allow=["download"])], {}),
        ([link_grant(allow=["link"])], {}),
        ([link_grant(allow=["link"]), link_grant(allow=["download"])], {}),
        ([link_grant(prefix="b/")], {}),
        ([link_grant()], {"bucket": "closed"}),
        ([link_grant()], {"bucket": "unknown"}),
        ([link_grant(allow=["link", "upload"])], {}),
    ],
)
async def test_a_link_needs_one_grant_for_both(
    tmp_path: Path, grants: list[dict[str, Any]], link: dict[str, Any]
) -> None:
    async with start(settings(tmp_path, *grants)) as harness:
        answer = await harness.post(**link)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    [line] = harness.audit_lines
    assert (line["decision"], line["reason"], line["operation"]) == ("denied", "forbidden", "link")
    assert "link_id" not in line


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"bucket": "demo"}, "#/key"),
        ({**LINK, "prefix": "a/"}, "#/key"),
        ({**LINK, "key": ""}, "#/key"),
        ({**LINK, "key": "a/../b"}, "#/key"),
        ({**LINK, "operations": ["upload"]}, "#/key"),
        ({**LINK, "operations": ["delete"]}, "#/operations/0"),
        ({**LINK, "operations": []}, "#/operations"),
        ({**LINK, "operations": ["download", "upload"]}, "#/operations"),
        ({**LINK, "expires_in": 31_536_001}, "#/expires_in"),
        ({**LINK, "expires_in": 60, "not_before": "2126-01-01T00:00:00Z"}, "#/not_before"),
        ({**LINK, "not_before": "2026-01-01T00:00:00"}, "#/not_before"),
        ({**LINK, "not_before": "2026-01-01T00:00:00.0000"}, "#/not_before"),
        ({**LINK, "not_before": "sentinel and no time"}, "#/not_before"),
        ({**LINK, "max_uses": 0}, "#/max_uses"),
        ({**LINK, "max_uses": 1001}, "#/max_uses"),
        ({**LINK, "max_uses": 1}, "#/max_uses"),  # there is no store
        ({**LINK, "filename": "a\nb"}, "#/filename"),
        ({**LINK, "label": ""}, "#/label"),
        ({**LINK, "label": "a\nb"}, "#/label"),
        ({**LINK, "label": "from \u202egro.acme"}, "#/label"),
        ({**LINK, "label": "x" * 81}, "#/label"),
        ({**LINK, "message": " \n "}, "#/message"),
        ({**LINK, "message": "a\tb"}, "#/message"),
        ({**LINK, "message": "\u2067a"}, "#/message"),
        ({**LINK, "message": "x" * 301}, "#/message"),
        ({"bucket": "demo", "prefix": "a"}, "#/prefix"),
        ({"bucket": "demo", "prefix": "é" * 368 + "/", "operations": ["upload"]}, "#/prefix"),
        ({"bucket": "demo", "prefix": "a/./"}, "#/prefix"),
        ({"bucket": "demo", "prefix": "a/", "max_uses": 1}, "#/max_uses"),
        ({"bucket": "demo", "prefix": "a/", "filename": "b"}, "#/filename"),
        ({**LINK, "prefix": None}, "#/prefix"),
    ],
)
async def test_an_invalid_link_is_refused_where_it_is_wrong(
    tmp_path: Path, body: dict[str, Any], pointer: str
) -> None:
    async with start(settings(tmp_path)) as harness:
        answer = await harness.client.post("/v1/links", json=body)
    assert answer.status_code == 422, answer.text
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert "sentinel" not in answer.text


@pytest.mark.parametrize(
    "link",
    [
        {"bucket": "demo", "prefix": ""},
        {"bucket": "demo", "prefix": "a/", "operations": ["upload"]},
        {**LINK, "operations": ["download"], "not_before": "2026-01-01T00:00:00.5+01:00"},
    ],
)
async def test_a_valid_link_is_made(tmp_path: Path, link: dict[str, Any]) -> None:
    async with start(settings(tmp_path)) as harness:
        answer = await harness.client.post("/v1/links", json=link)
    assert answer.status_code == 201, answer.text


async def test_the_audit_trail_has_the_id_and_never_the_link(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        made = await harness.create()
    [line] = harness.audit_lines
    assert line["link_id"] == made["id"]
    assert re.fullmatch("lnk_[A-Za-z0-9_-]{24}", made["id"])
    assert (line["operation"], line["bucket"], line["keys"]) == ("link", "demo", ["a/b.txt"])
    assert (line["decision"], line["subject"]) == ("allowed", "tester")
    assert made["url"].rpartition("/")[2].encode() not in b"".join(harness.audit_bytes)


async def test_links_count_against_the_rate(tmp_path: Path) -> None:
    configured = settings(tmp_path)
    tester = configured.callers[0].model_copy(update={"rate_limit": "2/minute"})
    limited = configured.model_copy(update={"callers": (tester,)})
    async with start(limited) as harness:
        statuses = [(await harness.post()).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]


async def test_without_the_section_there_are_no_links() -> None:
    async with run_app(make_app_settings(link_grant())) as client:
        answers = [
            await client.post("/v1/links", json=LINK),
            await client.delete("/v1/links/lnk_AAAAAAAAAAAAAAAAAAAAAAAA"),
        ]
    assert [each.status_code for each in answers] == [404, 404]


async def test_a_link_needs_a_caller(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        harness.client.headers.pop("Authorization")
        assert (await harness.post()).status_code == 401
        harness.client.headers.update(STRANGER)
        assert (await harness.post()).status_code == 201


@pytest.mark.parametrize("body", examples()["/v1/links"])
async def test_every_example_of_the_document_is_accepted(
    tmp_path: Path, valkey: Valkey, body: bytes
) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        answer = await harness.client.post("/v1/links", content=body)
    assert answer.status_code == 201, answer.text
