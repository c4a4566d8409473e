"""What each tool hands out, and who gets it."""

import json
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema_rs import Draft202012Validator, meta

from service.protocols.mcp.arguments import schema_of
from service.protocols.mcp.rights import NEEDS
from service.protocols.mcp.tools import TOOLS
from service.protocols.mcp.visible import visible
from service.signing.actions import MAX_UPLOAD_BYTES
from tests.protocols.mcp.harness import (
    LATEST,
    PUBLIC_URL,
    REVISIONS,
    NamesStore,
    grant,
    run_agent,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
READS: Final = ["show_access", "list_files", "find_files", "describe_file", "sign_download"]
KEYS: Final = ("report.csv", "team/a.pdf", "team/b/c.pdf")
DIGEST: Final = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of `hello`
# Each tool with arguments that it takes, after which it is asked
ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "show_access": {},
    "list_files": {"bucket": "demo", "prefix": "team/"},
    "find_files": {"bucket": "demo", "pattern": "*.pdf"},
    "describe_file": {"bucket": "demo", "key": "report.csv"},
    "sign_download": {"bucket": "demo", "key": "report.csv", "filename": "r.csv"},
    "sign_upload": {"bucket": "demo", "key": "new.csv", "size": 5, "sha256": DIGEST},
    "sign_copy": {"bucket": "demo", "key": "report.csv", "to_key": "copy.csv"},
    "sign_move": {"bucket": "demo", "key": "report.csv", "to_key": "moved.csv"},
    "sign_delete": {"bucket": "demo", "key": "report.csv"},
    "create_link": {"bucket": "demo", "key": "report.csv", "max_uses": 2},
    "list_links": {},
    "revoke_link": {"id": "to be made"},
}


def test_each_tool_has_its_rights() -> None:
    assert [*TOOLS] == [*NEEDS] == [*ARGUMENTS]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_each_result_is_of_its_output_schema(revision: str, tmp_path: Path) -> None:
    store = NamesStore(KEYS)
    async with run_agent(store=store, links=tmp_path, revision=revision) as agent:
        for name, arguments in ARGUMENTS.items():
            if name == "revoke_link":
                arguments["id"] = (await agent.value("list_links"))["links"][0]["id"]
            Draft202012Validator(dict(schema_of(TOOLS[name].arguments))).validate(arguments)
            result = await agent.call(name, **arguments)
            assert result["isError"] is False, result
            Draft202012Validator(dict(TOOLS[name].output)).validate(result["structuredContent"])
            assert ("resultType" in result) == (revision == LATEST)
            text, *more = result["content"]
            assert [each["type"] for each in more] == ["resource_link"] * (
                name in {"sign_download", "create_link"}
            )
            if "command" not in result["structuredContent"]:
                assert json.loads(text["text"]) == result["structuredContent"]
            else:
                assert text["text"].endswith(f":\n{result['structuredContent']['command']}")


async def test_the_list_of_tools_is_short_and_in_order(tmp_path: Path) -> None:
    async with run_agent(links=tmp_path) as agent:
        answer = await agent.send("tools/list")
        assert await agent.tools() == [*NEEDS]
    assert len(answer.content) < 24 * 1024
    result = answer.json()["result"]
    assert (result["ttlMs"], result["cacheScope"], "nextCursor" in result) == (
        60_000,
        "private",
        False,
    )
    for tool in result["tools"]:
        assert {*tool} == {
            *("name", "title", "description", "inputSchema", "outputSchema", "annotations")
        }
        assert len(tool["annotations"]) == 4
        assert tool["inputSchema"]["additionalProperties"] is False
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            meta.validate({"$schema": DIALECT, **schema})


@pytest.mark.parametrize("cursor", ["", "x", "2"])
async def test_the_list_of_tools_has_one_page(cursor: str) -> None:
    async with run_agent() as agent:
        answer = await agent.send("tools/list", {"cursor": cursor})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize(
    ("operations", "tools"),
    [
        (["form"], []),
        (["list"], ["list_files", "find_files"]),
        (["head"], ["describe_file"]),
        (["download"], ["describe_file", "sign_download"]),
        (["upload"], ["sign_upload"]),
        (["delete"], ["sign_delete"]),
        (["download", "upload"], ["describe_file", "sign_download", "sign_upload", "sign_copy"]),
        (
            ["download", "upload", "delete"],
            [
                *("describe_file", "sign_download", "sign_upload"),
                *("sign_copy", "sign_move", "sign_delete"),
            ],
        ),
        (["link"], ["list_links", "revoke_link"]),
        (
            ["link", "download"],
            ["describe_file", "sign_download", "create_link", "list_links", "revoke_link"],
        ),
    ],
)
async def test_a_caller_gets_the_tools_of_its_grants(
    operations: list[str], tools: list[str], tmp_path: Path
) -> None:
    async with run_agent(grant("team/", *operations), links=tmp_path) as agent:
        assert await agent.tools() == ["show_access", *tools]
    apart = [grant(f"{each}/", each) for each in operations]
    async with run_agent(*apart, links=tmp_path) as agent:
        found = await agent.tools()
    assert found == [each for each in ["show_access", *tools] if each != "create_link"]


async def test_without_links_there_are_no_tools_of_links() -> None:
    async with run_agent(grant("", "link", "download")) as agent:
        assert await agent.tools() == ["show_access", "describe_file", "sign_download"]


async def test_without_a_store_links_are_not_listed(tmp_path: Path) -> None:
    async with run_agent(grant("", "link", "download"), links=tmp_path, store_url=None) as agent:
        assert [each for each in await agent.tools() if "link" in each] == ["create_link"]


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("name", ["sign_delete", "nothing", "show_access\u200b", "__class__", ""])
async def test_a_tool_of_others_is_as_unknown_as_none(revision: str, name: str) -> None:
    async with run_agent(grant("team/", "list"), revision=revision) as agent:
        answer = await agent.http.post(
            "/mcp",
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": name, "arguments": {}},
            },
            headers={"MCP-Protocol-Version": "2025-11-25"},
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32602)
    assert answer.json()["error"]["message"] == (
        "There is no such tool, or your grants do not allow what it needs."
    )


@pytest.mark.parametrize("name", ["a.csv", '\' ; $(id) "x" \\ é🙂 \u202e.csv'])
async def test_a_download_has_one_url_in_four_places(name: str) -> None:
    async with run_agent() as agent:
        result = await agent.call("sign_download", bucket="demo", key=f"team/{name}")
    value, (text, link) = result["structuredContent"], result["content"]
    url, ends, command = value["url"], value["expires_at"], value["command"]
    members = {"method": "GET", "url": url, "headers": {}, "expires_at": ends, "command": command}
    assert value == members
    assert shlex.split(command) == ["curl", "-fsS", "-o", "FILE", url]
    assert text["text"] == f"Send it before {ends}; FILE is the new file:\n{command}"
    assert link == {"type": "resource_link", "uri": url, "name": visible(name)}


async def test_an_upload_has_its_size_type_and_digest() -> None:
    async with run_agent() as agent:
        signed = await agent.value("sign_upload", **ARGUMENTS["sign_upload"])
    assert signed["headers"] == {
        "content-type": "text/csv",
        "if-none-match": "*",
        "x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    }
    assert (signed["method"], signed["content_length"]) == ("PUT", 5)
    assert "content-length" in signed["url"]
    assert signed["command"].startswith("curl -fsS -T FILE -H 'if-none-match: *' -H ")


async def test_an_upload_overwrites_only_if_both_say_so() -> None:
    arguments = ARGUMENTS["sign_upload"]
    async with run_agent() as agent:
        signed = await agent.value("sign_upload", **arguments, overwrite=True)
        assert "if-none-match" not in signed["headers"]
    async with run_agent(grant("", "upload")) as agent:
        text = await agent.refusal("sign_upload", **arguments, overwrite=True)
    assert text.startswith("limit_exceeded: `overwrite`: ")


async def test_a_name_that_ends_in_a_slash_is_uploaded_as_it_is() -> None:
    async with run_agent() as agent:
        signed = await agent.value("sign_upload", bucket="demo", key="folder/", size=0)
    assert signed["command"].startswith("curl -fsS -X PUT --data-binary @FILE -H ")


async def test_a_copy_and_a_move_create_alone() -> None:
    async with run_agent() as agent:
        copied = await agent.value("sign_copy", **ARGUMENTS["sign_copy"])
        moved = await agent.value("sign_move", **ARGUMENTS["sign_move"])
    assert copied["headers"] == {"if-none-match": "*", "x-amz-copy-source": "demo/report.csv"}
    assert copied["command"].endswith(" | grep -q CopyObjectResult")
    assert moved["copy"]["headers"]["if-none-match"] == "*"
    assert (moved["delete"]["method"], moved["delete"]["headers"]) == ("DELETE", {})
    assert " | grep -q CopyObjectResult && curl -fsS -X DELETE '" in moved["command"]


async def test_lifetimes_are_those_of_the_service_and_of_grants() -> None:
    async with run_agent(mcp={"expires_in": 120}) as agent:
        default = await agent.value("sign_download", bucket="demo", key="a")
        asked = await agent.value("sign_download", bucket="demo", key="a", expires_in=60)
    assert "X-Amz-Expires=120&" in default["url"]
    assert "X-Amz-Expires=60&" in asked["url"]
    async with run_agent(grant("", "download", max_expires_in=30)) as agent:
        signed = await agent.value("sign_download", bucket="demo", key="a")
    assert ("X-Amz-Expires=30&" in signed["url"], signed["limited_by"]) == (True, "grant")


async def test_a_description_is_the_stores() -> None:
    headers = {"content-type": "text/csv", "x-amz-checksum-sha256": "s=", "x-amz-meta-by": "me"}
    async with run_agent(grant("", "download"), store=NamesStore(KEYS, headers=headers)) as agent:
        described = await agent.value("describe_file", bucket="demo", key="report.csv")
    assert described == {
        "bucket": "demo",
        "key": "report.csv",
        "size": 5,
        "content_type": "text/csv",
        "etag": '"e"',
        "checksums": {"SHA256": "s="},
        "metadata": {"by": "me"},
    }


async def test_a_link_is_listed_and_ends(tmp_path: Path) -> None:
    async with run_agent(store=NamesStore(KEYS), links=tmp_path) as agent:
        arguments = {"bucket": "demo", "key": "report.csv"}
        made = [await agent.value("create_link", **arguments, expires_in=60) for _ in range(3)]
        first = await agent.value("list_links", limit=2)
        second = await agent.value("list_links", limit=2, cursor=first["next_cursor"])
        ended = await agent.value("revoke_link", id=made[0]["id"])
        listed = await agent.value("list_links")
    ids = [each["id"] for page in (first, second) for each in page["links"]]
    assert ids == [each["id"] for each in reversed(made)]
    assert "next_cursor" not in second
    assert ended == {"id": made[0]["id"], "revoked": True}
    assert [each["revoked"] for each in listed["links"]] == [False, False, True]
    assert made[0]["url"].startswith(f"{PUBLIC_URL}/l/")


def test_what_a_hint_says() -> None:
    reading = {name for name, tool in TOOLS.items() if tool.reads}
    assert reading == {*READS, "list_links"}
    assert {name for name, tool in TOOLS.items() if tool.destroys} == {
        *("sign_move", "sign_delete", "revoke_link")
    }
    assert {name for name, tool in TOOLS.items() if tool.reaches_others} == {"create_link"}
    assert {name for name, tool in TOOLS.items() if not tool.repeatable} == {
        *("sign_upload", "sign_copy", "sign_move", "create_link")
    }


async def test_more_than_one_request_takes_is_sent_in_parts() -> None:
    async with run_agent() as agent:
        size = MAX_UPLOAD_BYTES + 1
        text = await agent.refusal("sign_upload", bucket="demo", key="a", size=size)
    assert text.startswith(
        "content_too_large: `size`: One request uploads at most 5368709120 bytes"
    )
    assert "`presign put`" in text
