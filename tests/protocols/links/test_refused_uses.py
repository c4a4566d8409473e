"""A use of a link that is refused has its line in the audit trail."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.app.settings import Settings
from tests.protocols.links.harness import Harness, link_grant, settings, start
from tests.support.valkey import Valkey
from tests.support.waiting import until

ROUTE = "/l/{path:path}"


async def path_of(harness: Harness) -> str:
    """Make a link, and forget its line."""
    made = await harness.create()
    harness.audit_bytes.clear()
    path: str = urlsplit(made["url"]).path
    return path


async def test_a_link_that_is_over_says_who_made_it(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        made = await harness.create(expires_in=60)
        harness.clock.move(61)
        for method in ("GET", "HEAD"):
            path = urlsplit(made["url"]).path
            assert (await harness.client.request(method, path)).status_code == 410
    [_, *lines] = harness.audit_lines
    assert len(lines) == 2
    for line in lines:
        assert (line["decision"], line["reason"]) == ("denied", "link_expired")
        assert (line["subject"], line["link_id"], line["route"]) == ("tester", made["id"], ROUTE)


async def test_a_use_without_its_store_is_in_the_trail(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create(max_uses=1)
        valkey.stop()
        answer = await harness.client.get(urlsplit(made["url"]).path)
        assert answer.status_code == 503
    line = harness.audit_lines[-1]
    assert (line["reason"], line["link_id"]) == ("overloaded", made["id"])


async def test_a_forged_ticket_is_like_a_failed_authentication(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        path = await path_of(harness)
        for _ in range(20):
            assert (await harness.client.get(f"{path[:-1]}!")).status_code == 404
    lines = harness.audit_lines
    assert len(lines) < 20  # anybody can cause them
    assert {(line["reason"], line["route"]) for line in lines} == {("unauthenticated", ROUTE)}
    assert not any(name in line for line in lines for name in ("subject", "link_id"))
    assert path[3:-1].encode() not in b"".join(harness.audit_bytes)


async def test_refused_uses_cost_the_maker_nothing(tmp_path: Path) -> None:
    async with start(limited(settings(tmp_path, link_grant()), "3/minute")) as harness:
        path = await path_of(harness)
        harness.clock.move(8 * 86_400)
        answers = [await harness.client.get(path) for _ in range(30)]
    assert {each.status_code for each in answers} == {410}
    reasons = [line.get("reason") for line in harness.audit_lines]
    assert 1 <= len(reasons) < 30  # anybody could fill the trail
    assert {*reasons} <= {"link_expired", None}  # the line that counts the others has none


async def test_refused_uses_leave_failed_authentications_their_lines(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        path = await path_of(harness)
        harness.clock.move(8 * 86_400)
        for _ in range(30):
            assert (await harness.client.get(path)).status_code == 410
        assert (await harness.client.get(f"{path[:-1]}!")).status_code == 404
        await until(lambda: counted(harness) == 30 - 9)
    [last] = [line for line in harness.audit_lines if line.get("reason") == "unauthenticated"]
    assert "suppressed" not in last
    rest = [line for line in harness.audit_lines if "suppressed" in line]
    assert {(line["route"], line.get("reason")) for line in rest} == {(ROUTE, None)}


def counted(harness: Harness) -> int:
    """How many refusals are only counted."""
    return sum(line.get("suppressed", 0) for line in harness.audit_lines)


async def test_over_the_rate_a_revoked_link_looks_forged(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        made = await harness.create()
    path, revoked = urlsplit(made["url"]).path, [made["id"]]
    async with start(limited(settings(tmp_path, revoked_links=revoked), "1/minute")) as harness:
        answers = [await harness.client.get(path) for _ in range(3)]
    assert [each.status_code for each in answers] == [404, 404, 404]


def limited(plain: Settings, rate: str) -> Settings:
    callers = tuple(each.model_copy(update={"rate_limit": rate}) for each in plain.callers)
    return plain.model_copy(update={"callers": callers})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_use_has_one_line(tmp_path: Path, method: str) -> None:
    async with start(settings(tmp_path)) as harness:
        path = await path_of(harness)
        assert (await harness.client.request(method, path)).status_code == 307
    assert [line["decision"] for line in harness.audit_lines] == ["allowed"]
