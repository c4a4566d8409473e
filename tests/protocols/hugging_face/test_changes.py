"""A revision that changes: what a sha means before and after, and how often the store is asked."""

import asyncio
import json
from dataclasses import replace
from typing import Final

import httpx
import pytest

from service.protocols.hugging_face.cached_listings import KEPT_SECONDS
from service.protocols.hugging_face.repositories import Repositories
from tests.protocols.hugging_face.harness import (
    FILE,
    INFO,
    LLAMA,
    grant,
    run_hub,
    sha_of_name,
    store_of,
    stored,
    told,
)
from tests.support.app import app_of
from tests.support.virtual_time import FakeClock

OVER: Final = (404, "RevisionNotFound")


def resolve(sha: str, name: str = "config.json") -> str:
    return f"/hf/acme/llama/resolve/{sha}/{name}"


async def sha_of(client: httpx.AsyncClient, revision: str = "main") -> str:
    answer = await client.get(f"{INFO}/revision/{revision}")
    sha: str = answer.json()["sha"]
    return sha


async def test_a_snapshot_takes_one_listing() -> None:
    store = store_of(f"{LLAMA}{i}" for i in range(200))
    async with run_hub(store) as client:
        sha = await sha_of(client)
        await client.get(f"{INFO}/tree/{sha}?recursive=true")
        for i in range(200):
            assert (await client.head(resolve(sha, str(i)))).status_code == 307
    assert len(store.asked) == 1


async def test_a_sha_names_its_revision_while_nothing_changes() -> None:
    clock = FakeClock()
    async with run_hub(store_of(), clock=clock) as client:
        sha = await sha_of(client)
        clock.move(KEPT_SECONDS)
        assert await sha_of(client, sha) == sha


async def test_another_replica_finds_the_folder_of_a_sha() -> None:
    async with run_hub(store_of()) as client:
        sha = await sha_of(client, "v1")
    store = store_of()
    async with run_hub(store) as other:
        answers = [await other.head(resolve(sha)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [307, 307]
    assert [(each["prefix"], each.get("delimiter")) for each in store.asked] == [
        ("models/acme/llama/", "/"),
        ("models/acme/llama/v1/", None),
    ]


@pytest.mark.parametrize("change", ["replaced", "removed", "added", "emptied"])
async def test_a_change_ends_the_sha_within_seconds(change: str) -> None:
    store, clock = store_of(), FakeClock()
    async with run_hub(store, clock=clock) as client:
        before = await sha_of(client)
        match change:
            case "replaced":
                store.objects[f"{LLAMA}config.json"] = stored(etag="new")
            case "removed":
                del store.objects[f"{LLAMA}config.json"]
            case "added":
                store.objects[f"{LLAMA}new"] = stored()
            case _:
                for key in [key for key in store.objects if key.startswith(LLAMA)]:
                    del store.objects[key]
        assert (await client.head(resolve(before))).status_code == 307
        clock.move(KEPT_SECONDS)
        answers = [await client.head(resolve(before)), await client.get(f"{INFO}/tree/{before}")]
        assert {told(answer) for answer in answers} == {OVER}
        assert "has changed" in answers[0].headers["x-error-message"]
        if change != "emptied":
            assert await sha_of(client) != before


async def test_a_sha_of_a_newer_listing_is_looked_for_again() -> None:
    """Another replica may have listed later than this one."""
    store, clock = store_of(), FakeClock()
    async with run_hub(store, clock=clock) as client:
        await sha_of(client)
        store.objects[f"{LLAMA}config.json"] = stored(etag="new")
        async with run_hub(store) as other:
            newer = await sha_of(other)
        assert told(await client.head(resolve(newer))) == OVER
        clock.move(1)
        assert (await client.head(resolve(newer))).status_code == 307


async def test_a_sha_that_is_over_costs_a_listing_a_second_at_most() -> None:
    store, clock = store_of(), FakeClock()
    async with run_hub(store, clock=clock) as client:
        await sha_of(client)
        clock.move(1)
        answers = [await client.head(resolve(sha_of_name("main"))) for _ in range(20)]
    assert {told(answer) for answer in answers} == {OVER}
    assert len(store.asked) == 2


async def test_a_sha_that_is_over_counts_once() -> None:
    lines = list[bytes]()
    async with run_hub(store_of(), audit=lines.extend) as client:
        await sha_of(client)
        answer = await client.get(f"{INFO}/revision/{sha_of_name('main')}")
    assert told(answer) == OVER
    assert len(lines) == 2


async def test_a_folder_named_like_a_sha_is_none() -> None:
    sha = sha_of_name("main")
    store = store_of([f"models/acme/llama/{sha}/x", f"{LLAMA}x"])
    async with run_hub(store) as client:
        assert told(await client.head(resolve(sha, "x"))) == OVER


async def test_many_requests_at_once_take_one_listing() -> None:
    store = store_of()
    store.gate = asyncio.Event()
    async with run_hub(store, server={"max_in_flight": 10_000}) as client:
        asked = [asyncio.create_task(client.get(INFO)) for _ in range(2_000)]
        await store.began.wait()
        store.gate.set()
        answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {200}
    assert len(store.asked) == 1


async def test_requests_that_wait_for_a_listing_are_limited() -> None:
    store = store_of()
    store.gate = asyncio.Event()
    async with run_hub(store, server={"max_in_flight": 40}) as client:
        asked = [asyncio.create_task(client.get(INFO)) for _ in range(20)]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        store.gate.set()
        answers = await asyncio.gather(*asked)
    assert {each.result().status_code for each in done} == {503}
    assert [answer.status_code for answer in answers].count(200) == 11


async def test_a_kept_listing_is_decided_for_each_caller() -> None:
    store, lines = store_of(), list[bytes]()
    stranger = {"grants": [grant("models/acme/llama/v1/"), grant(LLAMA, "download")]}
    async with run_hub(store, unsafe_anonymous_caller=stranger, audit=lines.extend) as client:
        sha = await sha_of(client)
        del client.headers["Authorization"]
        paths = (INFO, f"{INFO}/tree/{sha}", FILE, resolve(sha), f"{INFO}/revision/{sha}")
        answers = [await client.get(path) for path in paths]
    assert {told(answer) for answer in answers} == {(404, "RepoNotFound")}
    assert len(store.asked) == 1
    assert [json.loads(line)["decision"] for line in lines] == ["allowed", *["denied"] * 5]


async def test_a_kept_listing_is_of_one_bucket_whatever_its_name() -> None:
    """A reload may give the name to another bucket."""
    store = store_of()
    async with run_hub(store) as client:
        assert len((await client.get(INFO)).json()["siblings"]) == 4
        assert len((await client.get(f"{INFO}/refs")).json()["branches"]) == 2
        authorizer = app_of(client).parts.use_case(Repositories).authorizer
        buckets = authorizer.snapshot.buckets
        moved = replace(buckets["demo"], s3_bucket="elsewhere")
        authorizer.snapshot = replace(authorizer.snapshot, buckets={**buckets, "demo": moved})
        store.objects = {f"{LLAMA}other": stored()}
        files = (await client.get(INFO)).json()["siblings"]
        refs = (await client.get(f"{INFO}/refs")).json()["branches"]
    assert [each["rfilename"] for each in files] == ["other"]
    assert [each["name"] for each in refs] == ["main"]


async def test_a_page_size_of_a_grant_is_kept() -> None:
    store = store_of()
    async with run_hub(store, grant("", max_keys=1)) as client:
        assert len((await client.get(INFO)).json()["siblings"]) == 4
    assert [each["max-keys"] for each in store.asked] == ["1"] * 4


async def test_a_download_of_another_revision_is_another_listing() -> None:
    store = store_of()
    async with run_hub(store) as client:
        await client.head(FILE)
        await client.head(resolve("v1"))
    assert [each["prefix"] for each in store.asked] == [LLAMA, "models/acme/llama/v1/"]
