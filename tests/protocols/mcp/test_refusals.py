"""What an agent can correct, it is told in words, and nothing is signed."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from service.errors import CredentialsUnavailable
from service.protocols.mcp.use_case import Agents
from tests.protocols.mcp.harness import NamesStore, grant, run_agent
from tests.support.app import TOKEN, app_of, make_app_settings, make_open_grant

FORBIDDEN: Final = "on this name. show_access has what you may do, and where."
OUTSIDE: Final = [
    ("demo", "other/a"),
    ("demo", "team"),
    ("closed", "team/a"),
    ("nothing", "team/a"),
]


@pytest.mark.parametrize(("bucket", "key"), OUTSIDE)
async def test_all_that_is_outside_of_the_grants_looks_the_same(bucket: str, key: str) -> None:
    store, at = NamesStore(["other/a"]), {"bucket": bucket, "key": key}
    operations = ("download", "upload", "delete", "list")
    async with run_agent(grant("team/", *operations), store=store) as agent:
        texts = [
            await agent.refusal("sign_download", **at),
            await agent.refusal("sign_upload", **at, size=5),
            await agent.refusal("sign_delete", **at),
            await agent.refusal("describe_file", **at),
            await agent.refusal("list_files", bucket=bucket, prefix=key),
            await agent.refusal("find_files", bucket=bucket, prefix=key, pattern="*"),
            await agent.refusal("sign_copy", **at, to_key="team/b", to_bucket="demo"),
            await agent.refusal(
                "sign_copy", bucket="demo", key="team/a", to_bucket=bucket, to_key=key
            ),
            await agent.refusal("sign_move", **at, to_key="team/b", to_bucket="demo"),
        ]
    assert texts == [
        f"forbidden: None of your grants allows {each} {FORBIDDEN}"
        for each in (
            *("`download`", "`upload`", "`delete`", "`head` or `download`", "`list`", "`list`"),
            *("`download` and `upload`", "`download` and `upload`"),
            "`delete` and `download` and `upload`",
        )
    ]
    assert not store.asked


async def test_a_move_needs_the_right_to_delete_the_source() -> None:
    grants = (grant("team/", "download", "upload"), grant("other/", "delete"))
    async with run_agent(*grants) as agent:
        text = await agent.refusal("sign_move", bucket="demo", key="team/a", to_key="team/b")
    assert text.startswith("forbidden: ")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("sign_upload", {"size": "5"}, "`size`: Must be a number of bytes"),
        ("sign_upload", {"size": 5.0}, "`size`: Must be a number of bytes"),
        ("sign_upload", {"size": True}, "`size`: Must be a number of bytes"),
        ("sign_upload", {"size": -1}, "`size`: Must be at least 0."),
        ("sign_upload", {"size": None}, "`size`: Must be a number of bytes"),
        ("sign_upload", {}, "`size`: This field is required."),
        ("sign_upload", {"size": 5, "sha256": "x"}, "`sha256`: "),
        ("sign_upload", {"size": 5, "sha256": "é" * 64}, "`sha256`: "),
        ("sign_upload", {"size": 5, "overwrite": "yes"}, "`overwrite`: Must be true or false."),
        ("sign_upload", {"size": 5, "content_type": "x"}, "`content_type`: "),
        ("sign_upload", {"size": 5, "content_type": "a/b\r\nc: d"}, "`content_type`: "),
        ("sign_download", {"expires_in": 0}, "`expires_in`: Must be at least 1"),
        ("sign_download", {"expires_in": 10**30}, "`expires_in`: Must be at most "),
        ("sign_download", {"expiry": 5}, "`expiry`: Unknown field"),
        ("sign_download", {"filename": "a\nb"}, "`filename`: "),
        ("sign_download", {"bucket": 5}, "`bucket`: Must be text."),
        ("sign_download", {"bucket": ""}, "`bucket`: Must not be empty."),
        ("sign_download", {"key": ["a"]}, "`key`: Must be text."),
        ("sign_download", {"key\u202e": "a"}, "Unknown field."),
        ("list_files", {"limit": 0}, "`limit`: Must be at least 1."),
        ("list_files", {"limit": 1001}, "`limit`: Must be at most 1,000."),
        ("list_files", {"prefix": "a\nb"}, "`prefix`: "),
        ("find_files", {"pattern": ""}, "`pattern`: Must not be empty."),
        ("find_files", {"pattern": "x" * 101}, "`pattern`: Must have at most 100 characters."),
        ("find_files", {}, "`pattern`: This field is required."),
        ("show_access", {"x": 1}, "`x`: Unknown field"),
    ],
)
async def test_a_wrong_argument_is_named(tool: str, arguments: dict[str, Any], said: str) -> None:
    needed = {
        "sign_upload": {"bucket": "demo", "key": "a.csv"},
        "sign_download": {"bucket": "demo", "key": "a.csv"},
        "list_files": {"bucket": "demo"},
        "find_files": {"bucket": "demo"},
        "show_access": {},
    }
    store = NamesStore()
    async with run_agent(store=store) as agent:
        text = await agent.refusal(tool, **needed[tool] | arguments)
    assert text.startswith("invalid_request: ")
    assert said in text
    assert "\u202e" not in text
    assert not store.asked


@pytest.mark.parametrize("tool", ["sign_copy", "sign_move"])
@pytest.mark.parametrize("missing", ["bucket", "key", "to_key"])
async def test_a_missing_argument_of_a_copy_is_named(tool: str, missing: str) -> None:
    arguments = {"bucket": "demo", "key": "a", "to_key": "b"}
    del arguments[missing]
    async with run_agent() as agent:
        text = await agent.refusal(tool, **arguments)
    assert text == f"invalid_request: `{missing}`: This field is required."


@pytest.mark.parametrize("cursor", ["x", "1.x", "-1", "9" * 17, "1.lnk_" + "a" * 23, "é"])
async def test_a_forged_cursor_of_links_is_refused(cursor: str, tmp_path: Path) -> None:
    async with run_agent(links=tmp_path) as agent:
        text = await agent.refusal("list_links", cursor=cursor)
    assert text == "invalid_request: `cursor`: Give the `next_cursor` of the answer before."


@pytest.mark.parametrize("link_id", ["x", "lnk_" + "a" * 24, "../../v1"])
async def test_a_link_of_others_is_not_found(link_id: str, tmp_path: Path) -> None:
    async with run_agent(links=tmp_path) as agent:
        text = await agent.refusal("revoke_link", id=link_id)
    assert text == "not_found: You have no link with this id."


async def test_what_exceeds_a_grant_is_told_with_the_limit() -> None:
    limits = {"max_content_length": 10, "content_types": ["text/csv", "image/*"]}
    async with run_agent(grant("", "upload", **limits)) as agent:
        size = await agent.refusal("sign_upload", bucket="demo", key="a.csv", size=11)
        arguments = {"bucket": "demo", "key": "a.pdf", "size": 5}
        kind = await agent.refusal("sign_upload", **arguments, content_type="application/pdf")
        suggested = await agent.refusal("sign_upload", **arguments)
    assert size.startswith("content_too_large: `size`: ")
    assert "10" in size
    assert kind.startswith("unsupported_content_type: `content_type`: ")
    assert "text/csv, image/*" in kind
    assert "`content_type`: Your grant allows these types: text/csv, image/*." in suggested


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_a_store_that_denies_or_is_away_is_told(status: int) -> None:
    async with run_agent(store=NamesStore(["a"], status=status)) as agent:
        listed = await agent.refusal("list_files", bucket="demo")
        found = await agent.refusal("find_files", bucket="demo", pattern="*")
        described = await agent.refusal("describe_file", bucket="demo", key="a")
    code = "storage_refused: " if status == 403 else "storage_unavailable: "
    assert listed.startswith(code)
    assert found.startswith(code)
    assert described.startswith("not_found: " if status == 403 else code)


async def test_a_store_out_of_reach_is_told() -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    async with run_agent(store=away) as agent:
        text = await agent.refusal("list_files", bucket="demo")
    assert text.startswith("storage_unavailable: ")


async def test_without_a_session_nothing_is_signed() -> None:
    failure = CredentialsUnavailable("STS is away.")
    async with run_agent(failure=failure) as agent:
        text = await agent.refusal("sign_download", bucket="demo", key="a")
    assert text.startswith("credentials_unavailable: ")


async def test_a_missing_file_is_not_found() -> None:
    async with run_agent(store=NamesStore(["a"])) as agent:
        text = await agent.refusal("describe_file", bucket="demo", key="b")
    assert text == "not_found: There is no such file."


async def test_a_rate_is_told_in_seconds() -> None:
    async with run_agent(rate_limit="2/minute") as agent:
        await agent.value("sign_download", bucket="demo", key="a")
        await agent.value("sign_download", bucket="demo", key="a")
        params = {"name": "sign_download", "arguments": {"bucket": "demo", "key": "a"}}
        answer = await agent.send("tools/call", params)
        listed = await agent.send("tools/list")
    result = answer.json()["result"]
    assert (answer.status_code, listed.status_code, result["isError"]) == (200, 200, True)
    seconds = answer.headers["retry-after"]
    assert result["content"][0]["text"].endswith(f" Wait {seconds} s.")
    assert result["_meta"]["presign/code"] == "rate_limited"


async def test_what_a_caller_may_do_counts_as_one_request() -> None:
    async with run_agent(rate_limit="1/minute") as agent:
        await agent.value("show_access")
        assert (await agent.refusal("show_access")).startswith("rate_limited: ")


@pytest.mark.parametrize("name", ["sign_delete", "nothing"])
async def test_a_guessed_tool_counts_as_one_request(name: str) -> None:
    lines = list[bytes]()
    only_lists = grant("", "list")
    async with run_agent(only_lists, rate_limit="1/minute", audit=lines.extend) as agent:
        answers = [await agent.send("tools/call", {"name": name}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 429]
    assert answers[1].headers["retry-after"]
    reasons = [json.loads(line)["reason"] for line in lines]
    assert reasons == ["unknown_tool", "rate_limited"]


async def test_a_move_counts_as_two_requests() -> None:
    arguments = {"bucket": "demo", "key": "a", "to_key": "b"}
    async with run_agent(rate_limit="2/minute") as agent:
        await agent.value("sign_move", **arguments)
        assert (await agent.refusal("sign_move", **arguments)).startswith("rate_limited: ")


async def test_copies_are_refused_where_the_store_ignores_their_condition() -> None:
    bucket = {
        "region": "eu-west-1",
        "role_arn": "arn:aws:iam::111122223333:role/presign",
        "endpoint_url": "https://store.example",
        "conditional_copies": False,
    }
    open_grant = make_open_grant(bucket="elsewhere")
    async with run_agent(open_grant, buckets={"elsewhere": bucket}) as agent:
        arguments = {"bucket": "elsewhere", "key": "a", "to_key": "b"}
        texts = [await agent.refusal(tool, **arguments) for tool in ("sign_copy", "sign_move")]
    assert all(text.startswith("create_only_unsupported: ") for text in texts)


async def test_a_withdrawn_grant_takes_its_tools_at_once() -> None:
    async with run_agent() as agent:
        assert "sign_delete" in await agent.tools()
        services = app_of(agent.http).services
        await services.reconfigure(make_app_settings(grant("", "list"), mcp=True))
        assert await agent.tools() == ["show_access", "list_files", "find_files"]
        gone = await agent.send("tools/call", {"name": "sign_delete", "arguments": {}})
        await services.reconfigure(
            make_app_settings(grant("", "list"), mcp=True).model_copy(update={"callers": ()})
        )
        removed = await agent.send("tools/list")
    assert gone.json()["error"]["code"] == -32602
    assert removed.status_code == 401


async def test_a_reload_that_turns_it_off_says_so() -> None:
    async with run_agent() as agent:
        app_of(agent.http).parts.use_case(Agents).configure(None)
        answer = await agent.send("tools/list")
        metadata = await agent.http.get("/.well-known/oauth-protected-resource/mcp")
    assert (answer.status_code, metadata.status_code) == (404, 404)
    assert "it is not configured here" in answer.json()["error"]["message"]


async def test_many_calls_at_once_have_their_own_answers() -> None:
    async with run_agent() as agent:
        keys = [f"a{at}" for at in range(50)]
        calls = (agent.value("sign_download", bucket="demo", key=key) for key in keys)
        found = await asyncio.gather(*calls)
    assert [each["url"].split("?")[0].rpartition("/")[2] for each in found] == keys


@pytest.mark.parametrize("secret", [TOKEN, "X-Amz-Signature"])
async def test_no_log_has_what_was_signed(
    secret: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    lines: list[bytes] = []
    async with run_agent(audit=lines.extend, store=NamesStore(["a"]), links=tmp_path) as agent:
        await agent.value("sign_download", bucket="demo", key="a")
        await agent.value("sign_move", bucket="demo", key="a", to_key="b")
        made = await agent.value("create_link", bucket="demo", key="a")
        await agent.refusal("sign_download", bucket="demo", key="a", expires_in=0)
    logged = b"".join(lines).decode() + caplog.text
    assert secret not in logged
    assert made["url"] not in logged
    assert json.loads(lines[0])["tool"] == "sign_download"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_uses": 1001}, "`max_uses`: Must be at most 1,000."),
        ({"expires_in": 31_536_001}, "`expires_in`: Must be at most 365 days"),
    ],
)
async def test_a_link_has_the_bounds_of_v1(
    arguments: dict[str, Any], said: str, tmp_path: Path
) -> None:
    async with run_agent(links=tmp_path, store=NamesStore(["a"])) as agent:
        text = await agent.refusal("create_link", bucket="demo", key="a", **arguments)
    assert text.startswith(f"invalid_request: {said}")
