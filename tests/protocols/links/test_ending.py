"""`DELETE /v1/links/{id}`: only the maker may, and only where a store keeps it."""

from pathlib import Path

import pytest

from service.concurrency.store_calls import PAUSE_SECONDS
from tests.protocols.links.harness import STRANGER, URL, WEEK, settings, start
from tests.support.valkey import Valkey

UNKNOWN = "lnk_AAAAAAAAAAAAAAAAAAAAAAAA"


async def test_the_maker_ends_a_link_and_may_do_so_again(tmp_path: Path, valkey: Valkey) -> None:
    async with start(settings(tmp_path, store_url=valkey.url)) as harness:
        made = await harness.create()
        assert [await harness.end(made["id"]) for _ in range(2)] == [(204, None)] * 2
    [_, line, again] = harness.audit_lines
    assert (line["decision"], line["operation"], line["action"]) == ("allowed", "link", "EndLink")
    assert (line["subject"], line["link_id"]) == ("tester", made["id"])
    assert again["link_id"] == made["id"]


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
