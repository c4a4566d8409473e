"""The requests beyond those that may wait for STS, in virtual time."""

import asyncio
from typing import Final

from service.sessions.pool import TOO_MANY_WAIT
from tests.support.app import make_app_settings, make_open_grant, run_app
from tests.support.pool import AT_ONCE, FakeSources
from tests.support.virtual_time import in_virtual_time, loop_clock

PLACES: Final = 8  # a quarter of them may wait for the sessions of one bucket
ITEM: Final = {"bucket": "demo", "key": "a"}


@in_virtual_time
async def test_a_refusal_names_the_limit_of_waiting_requests() -> None:
    settings = make_app_settings(make_open_grant(), server={"max_in_flight": PLACES})
    sources = FakeSources(delay=2.0)
    async with run_app(settings, open_sources=sources.open, clock=loop_clock()) as client:
        waiting = [
            asyncio.create_task(client.post("/v1/download-urls", json=ITEM))
            for _ in range(PLACES // 4)
        ]
        await asyncio.sleep(AT_ONCE)
        one = await client.post("/v1/download-urls", json=ITEM)
        batch = await client.post("/v1/download-urls/batch", json={"items": [ITEM]})
        assert not any(each.done() for each in waiting)
        assert {each.status_code for each in await asyncio.gather(*waiting)} == {200}
    assert one.headers["Retry-After"] == "1"
    for problem in (one.json(), batch.json()["results"][0]["problem"]):
        seen = [problem[name] for name in ("status", "code", "detail")]
        assert seen == [503, "credentials_unavailable", TOO_MANY_WAIT]
