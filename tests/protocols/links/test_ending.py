"""`DELETE /v1/links/{id}`: only the maker may, and only where a store keeps it."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.concurrency.store_calls import PAUSE_SECONDS
from service.protocols.links import memory_link_store, redis_link_store
from tests.protocols.links.harness import LINK, STRANGER, URL, WEEK, settings, start
from tests.support.valkey import Valkey
from tests.support.virtual_time import CLOCK_START, FakeClock

UNKNOWN = "lnk_AAAAAAAAAAAAAAAAAAAAAAAA"


def entries(valkey: Valkey, name: str) -> list[bytes]:
    """Return what the sorted sets of this name have in all."""
    with valkey.client() as store:
        sets = store.scan_iter(f"presign:{{links}}:{name}")
        return [entry for key in sets for entry in store.zrange(key, 0, -1)]


async def test_the_maker_ends_a_link_and_may_do_so_again(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create()
        assert [await harness.end(made["id"]) for _ in range(2)] == [(204, None)] * 2
    [_, line, again] = harness.audit_lines
    assert (line["decision"], line["operation"], line["action"]) == ("allowed", "link", "EndLink")
    assert (line["subject"], line["link_id"]) == ("tester", made["id"])
    assert again["link_id"] == made["id"]


async def test_nothing_is_written_for_a_link_that_is_over(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create(expires_in=60)
        harness.clock.move(60)
        with valkey.client() as store:
            before = store.dbsize()
            assert await harness.end(made["id"]) == (204, None)
            assert store.dbsize() == before


async def test_a_link_that_is_ended_again_is_one_entry(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create(max_uses=1)
        for _ in range(3):
            assert await harness.end(made["id"]) == (204, None)
        sizes = [len(entries(valkey, name)) for name in ("revoked-by-end", "ended:*", "counted:*")]
    assert sizes == [1, 1, 0]


async def test_ending_a_link_again_tells_a_store_that_forgot_it(
    tmp_path: Path, valkey: Valkey
) -> None:
    configured = settings(tmp_path, store_url=valkey.url)
    async with start(configured) as knows:
        made = await knows.create()
        assert await knows.end(made["id"]) == (204, None)
        with valkey.client() as store:
            store.flushall()
        assert await knows.end(made["id"]) == (204, None)
        async with start(configured) as fresh:
            answer = await fresh.client.get(made["url"].removeprefix(URL))
    assert answer.status_code == 404


@pytest.mark.parametrize("store", ["memory", "shared"])
async def test_a_caller_keeps_a_bounded_number_of_links(
    tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    for module in (memory_link_store, redis_link_store):
        monkeypatch.setattr(module, "MOST_LINKS", 3)
    url = "memory://" if store == "memory" else valkey.url
    async with start(settings(tmp_path, store_url=url)) as harness:
        made = [await harness.create(max_uses=1) for _ in range(3)]
        refused = await harness.post(max_uses=1)
        assert (refused.status_code, refused.json()["code"]) == (403, "limit_exceeded")
        assert "`revoked_before`" in refused.json()["detail"]
        assert (
            await harness.client.post("/v1/links", json=LINK | {"max_uses": 1}, headers=STRANGER)
        ).is_success
        plain = await harness.create()  # needs no place
        for link in made:
            assert await harness.end(link["id"]) == (204, None)
        await harness.create(max_uses=1)  # the others have ended
        answer = await harness.client.delete(f"/v1/links/{plain['id']}")
        assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")
        assert "`revoked_before`" in answer.json()["detail"]
        assert (await harness.client.get(plain["url"].removeprefix(URL))).status_code == 307
        assert await harness.end(made[0]["id"]) == (204, None)  # it is one of the three
        harness.clock.move(WEEK + 1)
        assert await harness.end(plain["id"]) == (204, None)


async def test_after_a_cutoff_a_caller_may_end_links_again(
    tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link_store, "MOST_LINKS", 1)
    configured = settings(tmp_path, store_url=valkey.url)
    async with start(configured) as harness:
        first, second = await harness.create(max_uses=1), await harness.create()
        assert await harness.end(first["id"]) == (204, None)
        assert await harness.end(second["id"]) == (403, "limit_exceeded")
        cutoff = datetime.fromtimestamp(harness.clock.wall() + 1, UTC)
    cut = [each.model_copy(update={"revoked_before": cutoff}) for each in configured.callers]
    later = FakeClock(skew=time.time() + 5 - CLOCK_START)
    async with start(configured.model_copy(update={"callers": tuple(cut)}), later) as harness:
        assert (await harness.client.get(second["url"].removeprefix(URL))).status_code == 404
        made = await harness.create(max_uses=1)
        assert await harness.end(made["id"]) == (204, None)


async def test_a_strangers_link_is_like_one_that_never_was(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create()
        paths = [(made["id"], STRANGER), (UNKNOWN, STRANGER), (UNKNOWN, None), ("x", None)]
        answers = [
            await harness.client.delete(f"/v1/links/{link_id}", headers=headers)
            for link_id, headers in paths
        ]
    problems = [{**each.json(), "request_id": ""} for each in answers]
    assert problems == [problems[0]] * 4
    assert problems[0]["code"] == "not_found"
    [_, *lines] = harness.audit_lines
    assert [line["reason"] for line in lines] == ["not_found"] * 4
    assert {line["route"] for line in lines} == {"/v1/links/{link_id}"}
    assert not any("link_id" in line for line in lines)


async def test_a_store_in_memory_ends_a_link(tmp_path: Path) -> None:
    async with start(settings(tmp_path, store_url="memory://")) as harness:
        made = await harness.create(max_uses=1)
        path = made["url"].removeprefix(URL)
        assert (await harness.client.get(path)).status_code == 307
        assert await harness.end(made["id"]) == (204, None)
        assert (await harness.client.get(path)).status_code == 404


async def test_without_a_store_a_link_cannot_be_ended(tmp_path: Path) -> None:
    async with start(settings(tmp_path)) as harness:
        made = await harness.create()
        assert await harness.end(made["id"]) == (422, "invalid_request")
        assert await harness.end(made["id"], STRANGER) == (404, "not_found")


async def test_while_the_store_is_down_nothing_is_ended(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create()
        valkey.stop()
        assert await harness.end(made["id"]) == (503, "overloaded")
        refused = await harness.post(max_uses=1)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert (await harness.post()).status_code == 201  # it needs no store
        valkey.start()
        harness.clock.move(PAUSE_SECONDS)
        assert await harness.end(made["id"]) == (204, None)


@pytest.mark.parametrize("seconds", [1, WEEK + 1])
async def test_a_link_that_is_over_may_be_ended_too(
    tmp_path: Path, valkey: Valkey, seconds: float
) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create()
        harness.clock.move(seconds)
        assert await harness.end(made["id"]) == (204, None)
