"""The configuration changes under load: only callers that lose a grant are refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.service import make_caller, make_settings, run_service
from tests.support.stores import Store
from tests.support.waiting import until

KEY_OF_A: Final = "key-of-a"
KEY_OF_B: Final = "key-of-b"
WORKERS: Final = 4
CHANGE_SECONDS: Final = 60.0  # for a change on a busy machine: files are checked every 2 s


@dataclass
class Load:
    """Requests URLs continuously, and records the status of each answer, in order."""

    client: httpx.AsyncClient
    steady: list[int] = field(default_factory=list)
    granted_for_a_while: list[int] = field(default_factory=list)

    async def ask(self, statuses: list[int], path: str, who: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {who}"}
        while True:
            answer = await self.client.post(f"/v1/{path}", json=body, headers=headers)
            failed = answer.json().get("failed", 0)
            statuses.append(answer.status_code if not failed else -failed)

    def workers(self) -> list[asyncio.Task[None]]:
        of_a, of_b = {"bucket": "objects", "key": "a/x"}, {"bucket": "objects", "key": "b/x"}
        batch = {"items": [of_a, {**of_a, "bucket": "versions"}]}
        asks: list[tuple[list[int], str, str, dict[str, Any]]] = [
            *((self.steady, "download-urls", KEY_OF_A, of_a),) * WORKERS,
            *((self.steady, "download-urls", KEY_OF_B, of_b),) * WORKERS,
            (self.steady, "download-urls/batch", KEY_OF_A, batch),
            (self.granted_for_a_while, "head-urls", KEY_OF_A, {**of_a, "key": "c/x"}),
        ]
        return [asyncio.create_task(self.ask(*each)) for each in asks]

    async def until_reloads(self, outcome: str, count: int) -> None:
        reported = f'presign_config_reload_total{{outcome="{outcome}"}} {count}.0'
        async with asyncio.timeout(CHANGE_SECONDS):
            while reported not in (await self.client.get("/metrics")).text:  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.05)
        await self.is_answered()

    async def is_answered(self) -> None:
        """Wait for answers under the current configuration: of two, the second was requested after
        this call.
        """
        enough = len(self.granted_for_a_while) + 2
        await until(lambda: len(self.granted_for_a_while) >= enough)


@asynccontextmanager
async def load_on(url: str) -> AsyncIterator[Load]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        load = Load(client)
        tasks = load.workers()
        yield load
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def callers(*prefixes_of_a: str) -> list[dict[str, Any]]:
    return [make_caller("a", KEY_OF_A, *prefixes_of_a), make_caller("b", KEY_OF_B, "b/")]


@pytest.mark.slow
async def test_a_reload_fails_only_newly_refused_requests(ministack: Store, tmp_path: Path) -> None:
    file = tmp_path / "presign.yaml"

    def write(text: str) -> None:
        new = file.with_suffix(".new")
        new.write_text(text)
        new.replace(file)

    with run_service(ministack, tmp_path, callers=callers("a/")) as service:
        async with load_on(str(service.client.base_url)) as load:
            await load.is_answered()
            write(json.dumps(make_settings(ministack, callers("a/", "c/"))))
            await load.until_reloads("ok", 1)
            write("buckets: {")
            await load.until_reloads("failed", 1)
            write(json.dumps(make_settings(ministack, callers("a/"))))
            await load.until_reloads("ok", 2)
    assert set(load.steady) == {200}
    assert len(load.steady) > 100
    assert [status for status, _ in groupby(load.granted_for_a_while)] == [403, 200, 403]
    log = (tmp_path / "output.log").read_text()
    assert log.count("the configuration is invalid, the old one stays in use: ") == 1
