"""One line for each thing that is handed out, with its tool and its agent."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.protocols.mcp.harness import NamesStore, grant, run_agent

AGENT = "my-agent 1"


async def lines_of(
    tool: str, directory: Path | None = None, grants: Any = (), **arguments: Any
) -> list[dict[str, Any]]:
    lines: list[bytes] = []
    store = NamesStore(["a"])
    async with run_agent(*grants, audit=lines.extend, store=store, links=directory) as agent:
        await agent.send("tools/call", {"name": tool, "arguments": arguments})
    return [json.loads(each) for each in lines]


async def test_a_call_has_the_fields_of_v1_and_its_tool() -> None:
    [line] = await lines_of("sign_download", bucket="demo", key="a", expires_in=60)
    assert {name: line[name] for name in ("tool", "agent", "subject", "decision", "operation")} == {
        "tool": "sign_download",
        "agent": AGENT,
        "subject": "tester",
        "decision": "allowed",
        "operation": "download",
    }
    assert (line["bucket"], line["keys"], line["expires_in"]) == ("demo", ["a"], 60)
    assert line["session_name"]


async def test_a_move_has_a_line_for_each_request() -> None:
    copied, deleted = await lines_of("sign_move", bucket="demo", key="a", to_key="b")
    assert (copied["action"], copied["source_key"], copied["keys"]) == ("CopyObject", "a", ["b"])
    assert (deleted["operation"], deleted["keys"]) == ("delete", ["a"])
    assert {copied["tool"], deleted["tool"]} == {"sign_move"}


async def test_a_link_has_its_id(tmp_path: Path) -> None:
    look, made = await lines_of("create_link", tmp_path, bucket="demo", key="a")
    assert (look["action"], look["tool"]) == ("HeadObject", "create_link")
    assert made["link_id"].startswith("lnk_")
    assert (made["operation"], made["tool"]) == ("link", "create_link")


async def test_what_hands_out_nothing_has_a_line_of_its_tool() -> None:
    [line] = await lines_of("show_access")
    assert (line["decision"], line["tool"], line["route"]) == ("allowed", "show_access", "/mcp")


async def test_a_list_has_a_line_for_each_page() -> None:
    [listed] = await lines_of("list_files", bucket="demo", prefix="")
    [found] = await lines_of("find_files", bucket="demo", pattern="*")
    for line in (listed, found):
        assert (line["operation"], line["action"]) == ("list", "ListObjectsV2")


@pytest.mark.parametrize("name", ["sign_delete", "nothing"])
async def test_an_unknown_tool_is_denied(name: str) -> None:
    [line] = await lines_of(name, grants=[grant("", "list")])
    assert (line["decision"], line["reason"], line["tool"]) == ("denied", "unknown_tool", name)
    assert (line["agent"], line["route"]) == (AGENT, "/mcp")


async def test_a_refusal_says_why() -> None:
    [line] = await lines_of(
        "sign_download", grants=[grant("t/", "download")], bucket="demo", key="a"
    )
    assert (line["decision"], line["reason"], line["tool"]) == (
        *("denied", "forbidden", "sign_download"),
    )


@pytest.mark.parametrize("method", ["tools/list", "server/discover", "nothing"])
async def test_what_hands_out_nothing_has_no_line(method: str) -> None:
    lines: list[bytes] = []
    async with run_agent(audit=lines.extend) as agent:
        await agent.send(method)
    assert not lines


async def test_wrong_arguments_have_no_line() -> None:
    assert await lines_of("sign_download", bucket="demo") == []
