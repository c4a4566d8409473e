"""Who calls: credentials, pages of other origins, and where clients find the issuer."""

import json
from typing import Any, Final

import pytest

from tests.protocols.mcp.harness import ISSUER, OLDER, PUBLIC_URL, grant, run_agent

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
OTHER: Final = {
    "issuer": "https://login.other.example",
    "audience": "presign",
    "jwks_url": "https://login.other.example/k",
}
ISSUERS: Final = {
    "acme": ISSUER,
    "second": ISSUER | {"audience": f"{PUBLIC_URL}/mcp"},
    "other": OTHER,
}


@pytest.mark.parametrize(
    ("credentials", "challenge"),
    [
        (None, "Bearer"),
        *((each, 'Bearer error="invalid_token"') for each in ("Bearer wrong", "Bearer a.b.c", "x")),
        ("Basic eDpjb3JyZWN0LWhvcnNl", 'Bearer error="invalid_token"'),
    ],
)
@pytest.mark.parametrize("told", [True, False])
async def test_a_stranger_is_told_how_to_sign_in(
    credentials: str | None, challenge: str, told: bool
) -> None:
    lines: list[bytes] = []
    issuers: dict[str, Any] = {"issuers": {"acme": ISSUER}} if told else {}
    async with run_agent(audit=lines.extend, **issuers) as agent:
        del agent.http.headers["Authorization"]
        header = {} if credentials is None else {"Authorization": credentials}
        answer = await agent.send("server/discover", headers=header)
    if told:
        comma = "," if " " in challenge else ""
        challenge += f'{comma} resource_metadata="{PUBLIC_URL}{WELL_KNOWN}/mcp"'
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)
    assert (answer.json()["id"], answer.json()["jsonrpc"]) == (None, "2.0")
    assert answer.json()["error"]["message"].startswith("Send `Authorization: Bearer`")
    [line] = map(json.loads, lines)
    assert (line["reason"], line["route"]) == ("unauthenticated", "/mcp")


@pytest.mark.parametrize("path", [WELL_KNOWN, f"{WELL_KNOWN}/mcp"])
async def test_anybody_finds_the_issuers(path: str) -> None:
    async with run_agent(issuers=ISSUERS) as agent:
        del agent.http.headers["Authorization"]
        answer = await agent.http.get(path, headers={"Origin": "https://anywhere.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json() == {
        "resource": f"{PUBLIC_URL}/mcp",
        "authorization_servers": ["https://login.acme.com", "https://login.other.example"],
        "bearer_methods_supported": ["header"],
        "resource_name": "presign",
    }


async def test_only_some_issuers_and_scopes_are_told() -> None:
    section = {"sign_in": ["other"], "scopes": ["openid", "files"]}
    async with run_agent(issuers=ISSUERS, mcp=section) as agent:
        found = (await agent.http.get(f"{WELL_KNOWN}/mcp")).json()
    assert found["authorization_servers"] == ["https://login.other.example"]
    assert found["scopes_supported"] == ["openid", "files"]


@pytest.mark.parametrize("more", [{}, {"issuers": ISSUERS, "mcp": {"sign_in": []}}])
async def test_without_issuers_there_is_nothing_to_find(more: dict[str, Any]) -> None:
    async with run_agent(**more) as agent:
        del agent.http.headers["Authorization"]
        answers = [await agent.http.get(path) for path in (WELL_KNOWN, f"{WELL_KNOWN}/mcp")]
        refused = await agent.send("tools/list")
    assert [each.status_code for each in answers] == [404, 404]
    assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("host", "resource"),
    [
        ("presign.internal:8000", "http://presign.internal:8000/mcp"),
        ("[::1]:8000", "http://[::1]:8000/mcp"),
        ('evil"', None),
        ("a b", None),
        ("a/b", None),
        ("", None),
    ],
)
async def test_without_a_public_url_the_host_is_told(host: str, resource: str | None) -> None:
    async with run_agent(issuers=ISSUERS, server={}) as agent:
        found = await agent.http.get(f"{WELL_KNOWN}/mcp", headers={"Host": host})
        refused = await agent.send(
            "tools/list", headers={"Authorization": "Bearer x", "Host": host}
        )
    if resource is None:
        assert found.status_code == 404
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    else:
        assert found.json()["resource"] == resource
        address = resource.replace("/mcp", f"{WELL_KNOWN}/mcp")
        assert refused.headers["www-authenticate"].endswith(f'resource_metadata="{address}"')


async def test_a_public_url_with_a_path_is_told_with_it() -> None:
    server = {"public_url": "https://acme.com/files/"}
    async with run_agent(issuers=ISSUERS, server=server) as agent:
        found = (await agent.http.get(f"{WELL_KNOWN}/mcp")).json()
        refused = await agent.send("tools/list", headers={"Authorization": "Bearer x"})
    assert found["resource"] == "https://acme.com/files/mcp"
    assert f"https://acme.com/files{WELL_KNOWN}/mcp" in refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (None, "presign.acme.com", 200),
        (PUBLIC_URL, "presign.acme.com", 200),
        ("https://page.acme.com", "presign.acme.com", 200),
        ("http://localhost:8000", "localhost:8000", 200),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", 200),
        ("http://[::1]:8000", "[::1]:8000", 200),
        ("http://localhost:3000", "localhost:8000", 403),
        ("http://127.0.0.1:8000", "localhost:8000", 403),
        ("http://evil.example:8000", "evil.example:8000", 403),  # rebound to loopback
        ("https://evil.example", "presign.acme.com", 403),
        ("http://presign.acme.com", "presign.acme.com", 403),
        ("https://presign.acme.com.evil.example", "presign.acme.com", 403),
        ("null", "presign.acme.com", 403),
        ("", "presign.acme.com", 403),
        ("http://localhost:8000.evil.example", "localhost:8000", 403),
        ("http://[::1", "localhost:8000", 403),
    ],
)
async def test_only_pages_that_may_call_do(origin: str | None, host: str, status: int) -> None:
    lines: list[bytes] = []
    server = {"public_url": PUBLIC_URL, "cors_origins": ["https://page.acme.com"]}
    async with run_agent(audit=lines.extend, server=server) as agent:
        headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
        answer = await agent.send("tools/list", headers=headers)
    assert answer.status_code == status, answer.text
    if status == 403:
        [line] = map(json.loads, lines)
        assert (line["subject"], line["reason"]) == ("tester", "forbidden")
        assert answer.json()["error"]["data"]["code"] == "forbidden"


async def test_a_page_reads_the_challenge() -> None:
    server = {"public_url": PUBLIC_URL, "cors_origins": ["https://page.acme.com"]}
    async with run_agent(server=server, issuers=ISSUERS) as agent:
        header = {"Origin": "https://page.acme.com", "Authorization": "Bearer x"}
        answer = await agent.send("tools/list", headers=header)
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert (answer.status_code, "www-authenticate" in exposed) == (401, True)


async def test_a_client_that_says_it_is_another_gets_no_other_rights() -> None:
    async with run_agent(grant("team/", "list")) as agent:
        params = {"clientInfo": {"name": "presign", "version": "admin"}, "name": "sign_delete"}
        answer = await agent.send("tools/call", params | {"arguments": {}})
        assert await agent.tools() == ["show_access", "list_files", "find_files"]
    assert answer.json()["error"]["code"] == -32602


@pytest.mark.parametrize("revision", [OLDER])
async def test_an_older_client_sends_no_agent(revision: str) -> None:
    lines: list[bytes] = []
    async with run_agent(audit=lines.extend, revision=revision) as agent:
        await agent.value("show_access")
    [line] = map(json.loads, lines)
    assert (line["tool"], "agent" in line) == ("show_access", False)


async def test_a_key_in_the_address_is_no_credential() -> None:
    async with run_agent() as agent:
        del agent.http.headers["Authorization"]
        answer = await agent.http.post("/mcp?access_token=correct-horse", json={})
    assert answer.status_code == 401
