"""The app with tools for agents, in front of a store that lists names, and an agent that calls."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote

import httpx

from service.config.key_files import KEY_BYTES, new_key
from tests.support.app import make_app_settings, make_open_grant, make_store_response, run_app

PUBLIC_URL: Final = "https://presign.acme.com"
LATEST: Final = "2026-07-28"
OLDER: Final = "2025-11-25"
REVISIONS: Final = (LATEST, OLDER)
ABOUT: Final = "io.modelcontextprotocol/"
META: Final[dict[str, Any]] = {
    f"{ABOUT}protocolVersion": LATEST,
    f"{ABOUT}clientCapabilities": {},
    f"{ABOUT}clientInfo": {"name": "my-agent", "version": "1"},
}
ISSUER: Final = {
    "issuer": "https://login.acme.com",
    "audience": "presign",
    "jwks_url": "https://login.acme.com/keys",
}
MODIFIED: Final = "2026-01-02T03:04:05.000Z"


@dataclass
class NamesStore:
    """Lists its keys, which are in order, and answers a HEAD of them. `asked` are its queries."""

    keys: Sequence[str] = ()
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        query = {name: each[0] for name, each in parse_qs(request.url.query.decode()).items()}
        self.asked.append(query)
        if self.status != 200:
            return make_store_response(self.status, "<Error><Code>Refused</Code></Error>")
        if request.method == "HEAD":
            is_there = request.url.path.removeprefix("/") in self.keys
            headers = {"content-length": "5", "etag": '"e"', **self.headers}
            return make_store_response(200 if is_there else 404, "", headers)
        return self._page(query)

    def _page(self, query: Mapping[str, str]) -> httpx.Response:
        prefix, most = query.get("prefix", ""), int(query["max-keys"])
        after = query.get("continuation-token") or query.get("start-after", "")
        at = bisect_left(self.keys, max(prefix, after))
        names: list[str] = []
        last = after
        while at < len(self.keys) and self.keys[at].startswith(prefix) and len(names) < most:
            key = self.keys[at]
            rest, slash, _ = key.removeprefix(prefix).partition("/")
            if key <= after:
                at += 1
            elif "delimiter" in query and slash:
                names.append(f"{prefix}{rest}/")
                last = f"{prefix}{rest}0"  # the next character
                at = bisect_left(self.keys, last)
            else:
                names.append(key)
                last, at = key, at + 1
        has_more = at < len(self.keys) and self.keys[at].startswith(prefix)
        return make_store_response(200, _listing(names, last if has_more else ""))


def _listing(names: Sequence[str], token: str) -> str:
    more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
    truncated = str(bool(token)).lower()
    return (
        f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{truncated}"
        f"</IsTruncated>{more}{''.join(map(_element, names))}</ListBucketResult>"
    )


def _element(name: str) -> str:
    text = escape(quote(name))
    if name.endswith("/"):
        return f"<CommonPrefixes><Prefix>{text}</Prefix></CommonPrefixes>"
    return (
        f"<Contents><Key>{text}</Key><ETag>e</ETag><Size>5</Size>"
        f"<LastModified>{MODIFIED}</LastModified></Contents>"
    )


@dataclass
class Agent:
    """A client of MCP, which speaks one revision."""

    http: httpx.AsyncClient
    revision: str = LATEST

    async def send(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request as its revision has it. `headers` replace those that belong to it."""
        sent = dict(params or {})
        own = {"MCP-Protocol-Version": self.revision}
        if self.revision == LATEST:
            sent["_meta"] = META
            own["Mcp-Method"] = method
            if method == "tools/call":
                own["Mcp-Name"] = str(sent.get("name"))
        message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": sent}
        return await self.http.post("/mcp", json=message, headers=own | dict(headers or {}))

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the result of a tool."""
        answer = await self.send("tools/call", {"name": tool, "arguments": arguments})
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    async def value(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.call(tool, **arguments)
        assert not result["isError"], result
        value: dict[str, Any] = result["structuredContent"]
        return value

    async def refusal(self, tool: str, **arguments: Any) -> str:
        """Return the one text of a refusal."""
        result = await self.call(tool, **arguments)
        assert (result["isError"], "structuredContent" in result) == (True, False), result
        assert ("resultType" in result) == (self.revision == LATEST)
        [block] = result["content"]
        text: str = block["text"]
        assert text.startswith(f"{result['_meta']['presign/code']}: ")
        assert result["_meta"]["presign/request_id"]
        return text

    async def tools(self) -> list[str]:
        listed = (await self.send("tools/list")).json()["result"]["tools"]
        return [each["name"] for each in listed]


@asynccontextmanager
async def run_agent(
    *grants: dict[str, Any],
    store: Callable[[httpx.Request], Any] | None = None,
    audit: Any = None,
    rate_limit: str | None = None,
    revision: str = LATEST,
    failure: Exception | None = None,
    links: Path | None = None,
    store_url: str | None = "memory://",
    **more: Any,
) -> AsyncIterator[Agent]:
    """An agent of the app. Without `grants` its caller may do all in `demo`.

    `links` is a directory for the key of share links, which there are then, with `store_url`.
    """
    grants = grants or (make_open_grant(),)
    sections: dict[str, Any] = {"mcp": True, "server": {"public_url": PUBLIC_URL}}
    if links is not None:
        path = links / "link-key"
        path.write_text(new_key(b"k" * KEY_BYTES))
        sections["links"] = {"keys": [str(path)], "store_url": store_url}
    settings = make_app_settings(*grants, rate_limit=rate_limit, **sections | more)
    transport = httpx.MockTransport(store or NamesStore())
    async with run_app(settings, failure, audit=audit, store_transport=transport) as client:
        yield Agent(client, revision)


def grant(prefix: str, *allow: str, **more: Any) -> dict[str, Any]:
    return make_open_grant(prefix=prefix, allow=list(allow), allow_overwrite=False, **more)
