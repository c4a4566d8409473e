"""Messages that are none, and headers that differ from them, in the client's own form."""

import base64
import json
from typing import Any, Final

import httpx
import pytest

from service.protocols.mcp.messages import SUPPORTED
from tests.protocols.mcp.harness import ABOUT, LATEST, META, OLDER, REVISIONS, run_agent

HEADERS: Final = {
    "MCP-Protocol-Version": LATEST,
    "Mcp-Method": "tools/call",
    "Mcp-Name": "show_access",
    "Content-Type": "application/json",
}
OLDER_HEADERS: Final = {"MCP-Protocol-Version": OLDER, "Content-Type": "application/json"}
CALL: Final[dict[str, Any]] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "show_access", "arguments": {}, "_meta": META},
}


def encoded(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


EVIL: Final = encoded("evil\u202e")


async def post(content: bytes | str, headers: Any = None) -> httpx.Response:
    async with run_agent() as agent:
        return await agent.http.post("/mcp", content=content, headers=headers or HEADERS)


async def told(body: object, headers: Any = None) -> tuple[int, int]:
    """Return the status and the code of an error, which has the request's id in its data."""
    answer = await post(json.dumps(body), headers)
    error = answer.json()["error"]
    assert error["data"]["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, error["code"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"x", b"{", b"\xff", b"\xef\xbb\xbf{}", b"NaN", b'{"id": NaN}', b"'a'", b"1 2"),
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"id": "\\ud800"}',
        b"9" * 5000,
    ],
)
async def test_what_is_no_json_is_a_parse_error(body: bytes) -> None:
    answer = await post(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)
    assert answer.json()["id"] is None


@pytest.mark.parametrize("body", [[], [CALL], [CALL, CALL], 1, "text", True, None])
async def test_a_message_is_one_object(body: object) -> None:
    assert await told(body) == (400, -32600)


@pytest.mark.parametrize(
    "sent_id", [None, True, 1.5, 1.0, [], {}, [1], 2**53 + 1, -(2**53) - 1, 10**40]
)
async def test_an_id_is_a_text_or_a_whole_number(sent_id: object) -> None:
    answer = await post(json.dumps(CALL | {"id": sent_id}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32600)
    assert answer.json()["id"] is None


@pytest.mark.parametrize("sent_id", ["", "a", "\u202e\U0001f600", "x" * 5000, 0, -1, 2**53])
async def test_an_id_comes_back_as_it_was(sent_id: object) -> None:
    assert (await post(json.dumps(CALL | {"id": sent_id}))).json()["id"] == sent_id


@pytest.mark.parametrize(
    "changes",
    [
        *({"jsonrpc": each} for each in ("1.0", 2, 2.0, None, ["2.0"])),
        *({"method": each} for each in (None, 1, ["a"], {"a": 1})),
        {"method": None, "result": {}},
        {"method": None, "error": {"code": 1, "message": ""}},
    ],
)
async def test_what_is_no_request_is_refused(changes: dict[str, Any]) -> None:
    body = {name: value for name, value in (CALL | changes).items() if value is not None}
    assert await told(body) == (400, -32600)


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("params", [[], "text", 1, None, True])
async def test_params_are_an_object(revision: str, params: object) -> None:
    headers = HEADERS | {"MCP-Protocol-Version": revision}
    status = 400 if revision == LATEST else 200
    assert await told(CALL | {"params": params}, headers) == (status, -32602)


@pytest.mark.parametrize("name", [None, 1, ["show_access"], {}, ""])
async def test_a_tool_has_a_name(name: object) -> None:
    params = {"name": name, "arguments": {}}
    assert await told(CALL | {"params": params}, OLDER_HEADERS) == (
        200,
        -32602,
    )


@pytest.mark.parametrize("arguments", [None, [], "text", 1])
async def test_arguments_are_an_object(arguments: object) -> None:
    params = CALL["params"] | {"arguments": arguments}
    assert await told(CALL | {"params": params}) == (400, -32602)


@pytest.mark.parametrize(
    "meta",
    [
        None,
        [],
        {},
        {f"{ABOUT}protocolVersion": LATEST},
        {f"{ABOUT}clientCapabilities": {}},
        META | {f"{ABOUT}protocolVersion": 1},
        META | {f"{ABOUT}clientCapabilities": []},
    ],
)
async def test_the_latest_revision_says_so_in_each_message(meta: object) -> None:
    params = CALL["params"] | {"_meta": meta}
    assert await told(CALL | {"params": params}) == (400, -32602)


@pytest.mark.parametrize("client", [None, 1, "x", [], {}, {"name": 1}, {"version": []}])
async def test_a_client_need_not_say_who_it_is(client: object) -> None:
    params = CALL["params"] | {"_meta": META | {f"{ABOUT}clientInfo": client}}
    assert (await post(json.dumps(CALL | {"params": params}))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"Mcp-Method": "tools/list"},
        {"Mcp-Method": None},
        {"Mcp-Name": "sign_download"},
        {"Mcp-Name": None},
        {"Mcp-Name": "=?base64?!!!?="},
        {"Mcp-Name": "=?base64?/w==?="},
        {"MCP-Protocol-Version": None},
        {"MCP-Protocol-Version": OLDER},
    ],
)
async def test_headers_say_what_the_body_says(changes: dict[str, str | None]) -> None:
    headers = {name: each for name, each in (HEADERS | changes).items() if each is not None}
    assert await told(CALL, headers) == (400, -32020)


@pytest.mark.parametrize("header", ["Mcp-Method", "Mcp-Name"])
@pytest.mark.parametrize("version", [OLDER, None])
async def test_no_older_message_passes_by_a_gateway(header: str, version: str | None) -> None:
    message = {**CALL, "params": {"name": "show_access"}}
    headers = {"Content-Type": "application/json", header: "tools/list"}
    if version is not None:
        headers["MCP-Protocol-Version"] = version
    assert await told(message, headers) == (400, -32020)


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"])
@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_header_that_is_there_twice_is_refused(name: str, revision: str) -> None:
    headers = [*(HEADERS | {"MCP-Protocol-Version": revision}).items()]
    again = dict(headers)[name]
    assert await told(CALL, [*headers, (name, again)]) == (400, -32020)


async def test_a_name_may_be_base64() -> None:
    answer = await post(json.dumps(CALL), HEADERS | {"Mcp-Name": encoded("show_access")})
    assert answer.json()["result"]["isError"] is False


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2099-01-01", "x", ""])
async def test_another_revision_is_told_those_that_are_spoken(version: str) -> None:
    answer = await post(json.dumps(CALL), HEADERS | {"MCP-Protocol-Version": version})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, -32022)
    assert (error["data"]["supported"], error["data"]["requested"]) == ([*SUPPORTED], version)


async def test_another_revision_in_the_body_alone_is_refused() -> None:
    params = {"_meta": META | {f"{ABOUT}protocolVersion": "2099-01-01"}}
    assert await told(CALL | {"params": params}, {"Content-Type": "application/json"}) == (
        400,
        -32022,
    )


@pytest.mark.parametrize(
    ("method", "revision"),
    [
        *(("resources/list", each) for each in REVISIONS),
        *(("prompts/list", each) for each in REVISIONS),
        *(("tools/calls", each) for each in REVISIONS),
        *(("\u202e", each) for each in REVISIONS),
        ("initialize", LATEST),
        ("ping", LATEST),
        ("server/discover", OLDER),
        ("files/authorizeUpload", LATEST),
    ],
)
async def test_an_unknown_method_is_named_so(method: str, revision: str) -> None:
    async with run_agent(revision=revision) as agent:
        answer = await agent.send(method, headers={"Mcp-Method": encoded(method)})
    status = 404 if revision == LATEST else 200
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, -32601)
    assert answer.json()["id"] == 7


@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "x"])
@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_notification_is_accepted_without_a_body(method: str, revision: str) -> None:
    body = json.dumps({"jsonrpc": "2.0", "method": method})
    answer = await post(body, HEADERS | {"MCP-Protocol-Version": revision})
    assert (answer.status_code, answer.content) == (202, b"")


async def test_a_notification_of_another_revision_is_refused() -> None:
    body = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert await told(body, HEADERS | {"MCP-Protocol-Version": "x"}) == (400, -32022)


@pytest.mark.parametrize("size", [64 * 1024 - 400, 65 * 1024])
async def test_a_message_has_64_kib_at_most(size: int) -> None:
    answer = await post(json.dumps(CALL | {"more": "x" * size}))
    assert answer.status_code == (200 if size < 64 * 1024 else 413)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD", "OPTIONS"])
async def test_other_methods_of_http_are_told_the_right_one(method: str) -> None:
    async with run_agent() as agent:
        answer = await agent.http.request(method, "/mcp")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form"],
)
async def test_a_message_says_that_it_is_json(content_type: str) -> None:
    answer = await post(json.dumps(CALL), HEADERS | {"Content-Type": content_type})
    assert (answer.status_code, answer.json()["id"]) == (415, None)


async def test_a_message_is_not_compressed() -> None:
    answer = await post(json.dumps(CALL), HEADERS | {"Content-Encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        *((each, 200) for each in ("*/*", "application/json", "application/*", "")),
        ("application/json, text/event-stream", 200),
        ("Application/JSON;q=0.1", 200),
        *((each, 406) for each in ("text/event-stream", "text/html", "application/json;q=0")),
        ("*/*, application/json;q=0", 406),
    ],
)
async def test_only_who_excludes_json_gets_none(accept: str, status: int) -> None:
    answer = await post(json.dumps(CALL), HEADERS | {"Accept": accept})
    assert answer.status_code == status


@pytest.mark.parametrize("first", ["application/json", "text/event-stream"])
async def test_accept_may_have_several_lines(first: str) -> None:
    second = "application/json" if first == "text/event-stream" else "text/event-stream"
    lines = [("Accept", first), ("Accept", second)]
    answer = await post(json.dumps(CALL), [*HEADERS.items(), *lines])
    assert answer.status_code == 200


async def test_no_answer_is_stored_and_each_has_an_id() -> None:
    async with run_agent() as agent:
        answers = [
            await agent.send("tools/list"),
            await agent.send("nothing"),
            await agent.send("tools/call", {"name": "nothing"}),
            await agent.http.post("/mcp", content=b"x", headers=HEADERS),
            await agent.http.post("/mcp", content=b"x"),
        ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]
        assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(each, each) for each in ("2025-11-25", "2025-06-18")]
    + [(each, "2025-11-25") for each in ("2024-11-05", "2025-03-26", LATEST, "x", "")],
)
async def test_initialize_answers_a_revision(asked: str, answered: str) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "a"}}
    async with run_agent(revision=OLDER) as agent:
        answer = await agent.http.post(
            "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        )
    result = answer.json()["result"]
    assert result["protocolVersion"] == answered
    assert result["capabilities"] == {"tools": {}}
    assert "never instructions" in result["instructions"]


@pytest.mark.parametrize("left_out", ["protocolVersion", "capabilities", "clientInfo"])
async def test_initialize_says_who_asks(left_out: str) -> None:
    params = {"protocolVersion": OLDER, "capabilities": {}, "clientInfo": {"name": "a"}}
    del params[left_out]
    async with run_agent(revision=OLDER) as agent:
        answer = await agent.send("initialize", params)
    assert (
        answer.json()["error"]["message"] == f"`params.{left_out}` is missing or of a wrong type."
    )


async def test_discovery_names_revisions_and_tools_alone() -> None:
    async with run_agent() as agent:
        result = (await agent.send("server/discover")).json()["result"]
    assert result["supportedVersions"] == [*SUPPORTED]
    assert result["capabilities"] == {"tools": {}}
    assert (result["resultType"], result["ttlMs"]) == ("complete", 60_000)
    assert result["cacheScope"] == "private"
    assert result["_meta"][f"{ABOUT}serverInfo"]["name"] == "presign"


async def test_ping_is_answered_before_the_latest_revision() -> None:
    async with run_agent(revision=OLDER) as agent:
        assert (await agent.send("ping")).json() == {"jsonrpc": "2.0", "id": 7, "result": {}}


async def test_no_error_repeats_what_was_sent() -> None:
    async with run_agent() as agent:
        answers = [
            await agent.send("evil\u202e", headers={"Mcp-Method": EVIL}),
            await agent.send("tools/call", {"name": "evil\u202e"}, {"Mcp-Name": EVIL}),
        ]
    assert not any("evil" in each.text for each in answers)
