"""The hashes of a project's files: where they come from, what they cost, who gets them."""

import hashlib
import json
import re
from base64 import b64encode
from typing import Any, Final

import httpx
import pytest

from service.protocols.package_index import hashes
from service.protocols.package_index.pages import JSON
from tests.protocols.package_index.harness import (
    INDEX,
    KEYS,
    WHEEL,
    ListedStore,
    get,
    run_index,
)

PROJECT: Final = f"{INDEX}tinypkg/"
DIGEST: Final = hashlib.sha256(b"wheel")
CHECKSUM: Final = b64encode(DIGEST.digest()).decode()
KEY: Final = f"pypi/tinypkg/{WHEEL}"
SOURCE: Final = "pypi/tinypkg/tinypkg-0.9.tar.gz"
READER: Final = ["list", "download", "check"]


def store(**more: Any) -> ListedStore:
    return ListedStore(KEYS, checksums={KEY: CHECKSUM}, **more)


def hashes_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {each["filename"]: each["hashes"] for each in answer.json()["files"]}


async def test_a_file_has_the_sha256_of_its_object() -> None:
    found = hashes_of(await get(PROJECT, JSON, store=store(), allow=READER))
    assert found == {WHEEL: {"sha256": DIGEST.hexdigest()}, "tinypkg-0.9.tar.gz": {}}


async def test_the_html_has_the_hash_as_a_fragment() -> None:
    page = (await get(PROJECT, store=store(), allow=READER)).text
    assert re.findall('#([^"]*)', page) == [f"sha256={DIGEST.hexdigest()}"]


@pytest.mark.parametrize(
    "checksum",
    [f"{CHECKSUM}-3", "", "x", CHECKSUM[:-4], f" {CHECKSUM}", b64encode(b"0" * 33).decode()],
    ids=["composite", "empty", "no base64", "cut", "spaces", "too long"],
)
async def test_only_the_digest_of_a_whole_object_is_a_hash(checksum: str) -> None:
    other = ListedStore(KEYS, checksums={KEY: checksum})
    assert hashes_of(await get(PROJECT, JSON, store=other, allow=READER))[WHEEL] == {}


async def test_without_check_no_object_is_looked_up() -> None:
    listed = store()
    answer = await get(PROJECT, JSON, store=listed, allow=["list", "download"])
    assert hashes_of(answer)[WHEEL] == {}
    assert listed.heads == []


async def test_each_file_is_looked_up_once_until_it_changes() -> None:
    listed = store()
    async with run_index(listed, allow=READER) as client:
        for _ in range(3):
            answer = await client.get(PROJECT, headers={"Accept": JSON})
            assert hashes_of(answer)[WHEEL] == {"sha256": DIGEST.hexdigest()}
        assert sorted(listed.heads) == [SOURCE, KEY]
        listed.modified, listed.checksums = "2026-01-02T03:04:06.000Z", {}
        assert hashes_of(await client.get(PROJECT, headers={"Accept": JSON}))[WHEEL] == {}
    assert len(listed.heads) == 4


async def test_an_object_that_was_just_replaced_has_no_hash() -> None:
    """The listing is of the bytes before."""
    listed = store(etag="other")
    assert hashes_of(await get(PROJECT, JSON, store=listed, allow=READER))[WHEEL] == {}


async def test_one_request_looks_up_few_files_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashes, "MAX_CHECKED", 2)
    names = [f"pypi/p/p-{number}.tar.gz" for number in range(5)]
    listed = ListedStore(names, checksums=dict.fromkeys(names, CHECKSUM))
    known = []
    async with run_index(listed, allow=READER) as client:
        for _ in range(4):
            answer = await client.get(f"{INDEX}p/", headers={"Accept": JSON})
            known.append(sum(bool(each) for each in hashes_of(answer).values()))
    assert known == [2, 4, 5, 5]
    assert len(listed.heads) == 5


async def test_the_look_ups_are_one_audit_line() -> None:
    lines = list[bytes]()
    await get(PROJECT, JSON, store=store(), audit=lines.extend, allow=READER)
    listed, checked = [json.loads(line) for line in lines]
    assert (listed["action"], checked["action"]) == ("ListObjectsV2", "HeadObject")
    assert (checked["operation"], sorted(checked["keys"])) == ("check", [SOURCE, KEY])


@pytest.mark.parametrize(("rate", "known"), [("4/hour", 1), ("1/hour", 0)])
async def test_look_ups_count_against_the_rate_and_refuse_nothing(rate: str, known: int) -> None:
    """A page is one URL, and each of its two files another one."""
    answer = await get(PROJECT, JSON, store=store(), allow=READER, rate_limit=rate)
    assert sum(bool(each) for each in hashes_of(answer).values()) == known


@pytest.mark.parametrize(("rate", "known"), [("101/hour", 50), ("20/hour", 10)])
async def test_look_ups_leave_half_of_the_rate_for_the_files(rate: str, known: int) -> None:
    names = [f"pypi/p/p-{number}.tar.gz" for number in range(100)]
    listed = ListedStore(names, checksums=dict.fromkeys(names, CHECKSUM))
    async with run_index(listed, allow=READER, rate_limit=rate) as client:
        page = await client.get(f"{INDEX}p/", headers={"Accept": JSON})
        assert sum(bool(each) for each in hashes_of(page).values()) == known
        files = [await client.get(f"/o/demo/{name}") for name in names[: known - 1]]
    assert {each.status_code for each in files} == {307}


async def test_an_index_works_without_hashes_if_the_store_refuses_heads() -> None:
    answer = await get(PROJECT, JSON, store=store(head_status=400), allow=READER)
    assert hashes_of(answer)[WHEEL] == {}
