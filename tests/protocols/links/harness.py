"""The app with share links, three callers, and a clock that tests move."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.config.key_files import new_key
from service.protocols.links.share_links import ShareLinks
from tests.support.app import API_KEY, app_of, make_app_settings, make_open_grant, run_app
from tests.support.audited import Audited
from tests.support.virtual_time import CLOCK_START, FakeClock

URL: Final = "https://files.example.com"
STRANGER: Final = {"Authorization": "Bearer battery-staple"}
LINK: Final = {"bucket": "demo", "key": "a/b.txt"}
WEEK: Final = 7 * 86_400


@dataclass
class Harness(Audited):
    client: httpx.AsyncClient
    clock: FakeClock

    @property
    def audit_lines(self) -> list[dict[str, Any]]:
        """Those of links, without the looks at their objects."""
        return [line for line in super().audit_lines if line.get("action") != "HeadObject"]

    async def post(self, **link: Any) -> httpx.Response:
        return await self.client.post("/v1/links", json=LINK | link)

    async def create(self, **link: Any) -> dict[str, Any]:
        answer = await self.post(**link)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def end(
        self, link_id: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str | None]:
        answer = await self.client.delete(f"/v1/links/{link_id}", headers=headers)
        return answer.status_code, answer.json()["code"] if answer.content else None


def real_clock() -> FakeClock:
    """Return a clock that begins now: the store has its own."""
    return FakeClock(skew=time.time() - CLOCK_START)


def link_grant(**more: Any) -> dict[str, Any]:
    return make_open_grant(allow=["download", "upload", "link"]) | more


def settings(directory: Path, *grants: Mapping[str, Any], **links: Any) -> Settings:
    """The callers `tester` and `stranger` have the same grants. One key, `link.key`, seals links."""
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    listed = list(grants or [link_grant()])
    callers = [
        {"api_key": name, "sha256": [digest_of(secret)], "grants": listed}
        for name, secret in (("tester", API_KEY), ("stranger", "battery-staple"))
    ]
    section = {"keys": [str(key)], **links}
    return make_app_settings(callers=callers, links=section, server={"public_url": f"{URL}/"})


async def until_looked(client: httpx.AsyncClient) -> None:
    """Wait until the store of links was asked which links are revoked."""
    links = app_of(client).parts.use_case(ShareLinks).links
    if links.shared is not None:
        await links.shared.attempts.until_asleep()


@asynccontextmanager
async def start(configured: Settings, clock: FakeClock | None = None) -> AsyncIterator[Harness]:
    clock, audit_bytes = clock or real_clock(), list[bytes]()
    async with run_app(configured, audit=audit_bytes.extend, clock=clock) as client:
        await until_looked(client)
        yield Harness(client, clock, audit_bytes=audit_bytes)
