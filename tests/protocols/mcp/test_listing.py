"""Names, page by page: bounds, cursors, patterns, and a million of them."""

import json
import time
from collections.abc import Sequence
from typing import Any, Final, overload

import pytest

from service.errors import InvalidRequest
from service.presigning.listings import MAX_PAGES
from service.protocols.mcp.listing import MAX_BYTES, MAX_LOOKED_AT, Pattern, start_after
from tests.protocols.mcp.harness import MODIFIED, Agent, NamesStore, grant, run_agent

KEYS: Final = sorted(
    [
        *("a.csv", "b/1.csv", "b/2.csv", "b/c/3.csv", "b0.csv", "z.csv"),
        *("b/\U0010ffffx", "b/\n.csv", "other/secret.csv"),
    ]
)


class Million(Sequence[str]):
    """A million names in order, none of which is kept."""

    def __init__(self, stem: str = "data/") -> None:
        self._stem = stem

    def __len__(self) -> int:
        return 1_000_000

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        return f"{self._stem}{at:07}.csv"


async def all_pages(agent: Agent, tool: str, **arguments: Any) -> list[dict[str, Any]]:
    pages = [await agent.value(tool, **arguments)]
    while "next_cursor" in pages[-1]:
        assert len(pages) < 50
        pages.append(await agent.value(tool, **arguments, cursor=pages[-1]["next_cursor"]))
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_all_pages_have_each_name_of_a_level_once(limit: int) -> None:
    async with run_agent(store=NamesStore(KEYS)) as agent:
        pages = await all_pages(agent, "list_files", bucket="demo", limit=limit)
        folder = await all_pages(agent, "list_files", bucket="demo", prefix="b/", limit=limit)
    assert [each for page in pages for each in page["folders"]] == ["b/", "other/"]
    assert [each["key"] for page in pages for each in page["files"]] == ["a.csv", "b0.csv", "z.csv"]
    assert [each for page in folder for each in page["folders"]] == ["b/c/"]
    assert [each["key"] for page in folder for each in page["files"]] == [
        *("b/\n.csv", "b/1.csv", "b/2.csv", "b/\U0010ffffx")
    ]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_all_pages_have_each_match_once(limit: int) -> None:
    async with run_agent(store=NamesStore(KEYS)) as agent:
        arguments = {"bucket": "demo", "prefix": "b", "pattern": "*.CSV", "limit": limit}
        pages = await all_pages(agent, "find_files", **arguments)
    assert [each["key"] for page in pages for each in page["files"]] == [
        each for each in KEYS if each.startswith("b") and each.endswith(".csv")
    ]


async def test_a_grants_page_is_not_exceeded() -> None:
    store = NamesStore(KEYS)
    async with run_agent(grant("b/", "list", max_keys=2), store=store) as agent:
        arguments = {"bucket": "demo", "prefix": "b/"}
        pages = await all_pages(agent, "list_files", **arguments, limit=1000)
        found = await all_pages(agent, "find_files", **arguments, pattern="*")
    assert {each["max-keys"] for each in store.asked} == {"2"}
    assert sum(len(page["files"]) for page in pages) == 4
    assert sum(len(page["files"]) for page in found) == 5


@pytest.mark.parametrize("size", range(1017, 1024))
async def test_the_longest_folder_is_listed_once(size: int) -> None:
    folder = "d" * (size - 1) + "/"
    keys = [folder + "\x7f" * (1024 - size), "e"]
    async with run_agent(store=NamesStore(keys)) as agent:
        pages = await all_pages(agent, "list_files", bucket="demo", limit=1)
    assert [each for page in pages for each in page["folders"]] == [folder]
    assert [each["key"] for page in pages for each in page["files"]] == ["e"]


@pytest.mark.parametrize("cursor", ["", "a", "other/secret.csv", "B/", "b", "b/" + "x" * 1100])
async def test_a_cursor_of_another_place_is_refused(cursor: str) -> None:
    store = NamesStore(KEYS)
    async with run_agent(grant("b/", "list"), store=store) as agent:
        text = await agent.refusal("list_files", bucket="demo", prefix="b/", cursor=cursor)
    assert text.startswith("invalid_request: `cursor`: Give the `next_cursor`")
    assert not store.asked


@pytest.mark.parametrize("prefix", ["", "other/", "b"])
async def test_a_cursor_gives_no_right(prefix: str) -> None:
    store = NamesStore(KEYS)
    async with run_agent(grant("b/", "list"), store=store) as agent:
        cursor = f"{prefix}x"
        text = await agent.refusal("list_files", bucket="demo", prefix=prefix, cursor=cursor)
    assert text.startswith("forbidden: None of your grants allows `list` on this name.")
    assert not store.asked


async def test_a_forged_cursor_only_moves_within_the_prefix() -> None:
    async with run_agent(grant("b/", "list"), store=NamesStore(KEYS)) as agent:
        value = await agent.value("list_files", bucket="demo", prefix="b/", cursor="b/1zzz")
    assert [each["key"] for each in value["files"]] == ["b/2.csv", "b/\U0010ffffx"]


def test_a_lone_surrogate_is_no_cursor() -> None:
    with pytest.raises(InvalidRequest):
        start_after("\ud800", "", folders=True)


async def test_an_answer_is_bounded_by_its_bytes() -> None:
    for length in (10, 200, 900):
        keys = [f"{at:04}{'n' * length}" for at in range(1000)]
        async with run_agent(store=NamesStore(keys)) as agent:
            result = await agent.call("list_files", bucket="demo", limit=1000)
        value = result["structuredContent"]
        assert value["next_cursor"] == value["files"][-1]["key"]
        both = len(json.dumps(value, separators=(",", ":"))) + len(
            json.dumps(result["content"][0]["text"])
        )
        assert 0.9 * MAX_BYTES < both < 1.05 * MAX_BYTES


async def test_one_name_is_answered_however_long_it_is() -> None:
    keys = ["\u202e" * 340 + str(at) for at in range(3)]
    async with run_agent(store=NamesStore(keys)) as agent:
        pages = await all_pages(agent, "list_files", bucket="demo", limit=1)
    assert [page["files"][0]["key"] for page in pages] == keys


async def test_a_search_of_a_million_names_looks_at_some() -> None:
    store = NamesStore(Million())
    async with run_agent(store=store) as agent:
        nothing = await agent.value("find_files", bucket="demo", pattern="*.pdf")
        more = await agent.value(
            "find_files", bucket="demo", pattern="*9999.csv", cursor=nothing["next_cursor"]
        )
    assert nothing == {"files": [], "next_cursor": f"data/{MAX_LOOKED_AT - 1:07}.csv"}
    assert [each["key"] for each in more["files"]] == ["data/0019999.csv"]
    assert len(store.asked) == 20


async def test_a_search_asks_for_few_pages_however_short_they_are() -> None:
    store = NamesStore(Million())
    async with run_agent(grant("data/", "list", max_keys=2), store=store) as agent:
        value = await agent.value("find_files", bucket="demo", prefix="data/", pattern="*.pdf")
    assert len(store.asked) == MAX_PAGES
    assert value == {"files": [], "next_cursor": f"data/{2 * MAX_PAGES - 1:07}.csv"}


async def test_a_search_over_the_rate_goes_on_where_it_ended() -> None:
    lines: list[bytes] = []
    store = NamesStore(Million())
    async with run_agent(store=store, rate_limit="3/minute", audit=lines.extend) as agent:
        value = await agent.value("find_files", bucket="demo", pattern="*999.csv")
        again = await agent.refusal(
            "find_files", bucket="demo", pattern="*999.csv", cursor=value["next_cursor"]
        )
    assert [each["key"] for each in value["files"]] == [f"data/000{at}999.csv" for at in range(3)]
    assert value["next_cursor"] == "data/0002999.csv"
    assert again.startswith("rate_limited: ")
    assert [json.loads(line)["decision"] for line in lines] == ["allowed"] * 3 + ["denied"] * 2


async def test_a_level_with_a_million_names_is_a_page() -> None:
    store = NamesStore(Million())
    async with run_agent(store=store) as agent:
        top = await agent.value("list_files", bucket="demo")
        level = await agent.value("list_files", bucket="demo", prefix="data/", limit=2)
    assert top == {"folders": ["data/"], "files": []}
    assert [each["key"] for each in level["files"]] == ["data/0000000.csv", "data/0000001.csv"]
    assert level["files"][0]["last_modified"] == MODIFIED


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*", ["a", "x/a", "a\nb"], []),
        ("*.csv", ["a.csv", "x/B.CSV", ".csv"], ["a.csv.gz", "csv", "a.csv/b"]),
        ("q?", ["q3", "Q4", "x/q3"], ["q", "q33", "q3/x"]),
        ("a*b*c", ["abc", "a1b2c", "abbc"], ["acb", "ab", "xabc"]),
        ("report", ["report", "x/REPORT"], ["report.csv", "my report"]),
        ("[a]", ["[a]"], ["a"]),
        ("a.c", ["a.c"], ["abc"]),
        ("**x**", ["x", "axb"], ["a"]),
        ("?*?", ["ab", "abc"], ["a"]),
    ],
)
def test_a_pattern_matches_the_last_segment(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    compiled = Pattern(pattern)
    assert [each for each in [*matching, *others] if compiled.matches(each)] == matching


def test_no_name_makes_a_search_long() -> None:
    """Some 0.3 s of CPU for a page of the worst names; without atomic groups, years."""
    compiled = Pattern("*a?" * 33 + "b")
    began = time.process_time()
    assert not any(compiled.matches("a" * 1024) for _ in range(100))
    assert time.process_time() - began < 20
