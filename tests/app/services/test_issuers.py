"""A new configuration of issuers: their keys, and the callers that they identify."""

import asyncio
from typing import Any

from service.access.grants import Caller
from tests.app.services.harness import (
    BEFORE,
    Harness,
    Issuer,
    grant,
    issuer,
    settings,
    start_services,
    tasks,
    token_callers,
)
from tests.auth.mint import SUBJECT, ed_key, make_token
from tests.support.waiting import until

KNOWN = Caller(issuer="cluster-a", subject=SUBJECT)


def token(**claims: Any) -> str:
    return make_token(ed_key("one"), **claims)


async def callers_of(harness: Harness, *tokens: str) -> list[Caller | None]:
    return await asyncio.gather(*map(harness.caller_of_token, tokens))


async def test_an_unchanged_issuers_keys_are_not_fetched_again(cluster: Issuer) -> None:
    async with start_services(settings(**token_callers(cluster))) as harness:
        assert await harness.caller_of_token(token()) == KNOWN
        await harness.reconfigure(settings(**token_callers(cluster, grant(prefix="c/"))))
        assert await harness.caller_of_token(token()) == KNOWN
        assert cluster.requests == 1
        assert tasks("keys of") == ["keys of cluster-a"]


async def test_a_cached_token_for_the_old_audience_is_refused(cluster: Issuer) -> None:
    async with start_services(settings(**token_callers(cluster))) as harness:
        old, new = token(), token(aud="presign-2")
        assert await callers_of(harness, old, new) == [KNOWN, None]
        await harness.reconfigure(settings(**token_callers(cluster, audience="presign-2")))
        assert harness.services.tokens.known(old) is None
        assert await callers_of(harness, old, new) == [None, KNOWN]
        assert cluster.requests == 1


async def test_a_token_that_waits_meets_the_new_audience(cluster: Issuer) -> None:
    cluster.gate.clear()
    async with start_services(settings(**token_callers(cluster))) as harness:
        old, new = token(), token(aud="presign-2")
        waiting = asyncio.ensure_future(callers_of(harness, old, new))
        await until(lambda: cluster.requests)
        await harness.reconfigure(settings(**token_callers(cluster, audience="presign-2")))
        cluster.gate.set()
        assert await waiting == [None, KNOWN]
        assert harness.services.tokens.known(old) is None
        assert await harness.caller_of_token(old) is None


async def test_a_token_that_waits_survives_a_new_jwks_url(cluster: Issuer) -> None:
    cluster.gate.clear()
    async with issuer() as moved, start_services(settings(**token_callers(cluster))) as harness:
        waiting = asyncio.ensure_future(harness.caller_of_token(token()))
        await until(lambda: cluster.requests)
        await harness.reconfigure(settings(**token_callers(moved)))
        assert await waiting == KNOWN


async def test_keys_come_from_a_new_jwks_url_alone(cluster: Issuer) -> None:
    async with (
        issuer("two") as moved,
        start_services(settings(**token_callers(cluster))) as harness,
    ):
        assert await harness.caller_of_token(token()) == KNOWN
        await harness.reconfigure(settings(**token_callers(moved)))
        assert await harness.caller_of_token(token()) is None
        assert (cluster.requests, moved.requests) == (1, 1)
        assert tasks("keys of") == ["keys of cluster-a"]


async def test_issuers_are_added_and_removed(cluster: Issuer) -> None:
    async with start_services(BEFORE) as harness:
        assert await harness.caller_of_token(token()) is None
        await harness.reconfigure(settings(**token_callers(cluster)))
        assert await harness.caller_of_token(token()) == KNOWN
        await harness.sign(KNOWN)
        await harness.reconfigure(BEFORE)
        assert await harness.caller_of_token(token()) is None
        assert await harness.error_code(KNOWN) == "forbidden"
        assert tasks("keys of") == []


async def test_a_new_token_lifetime_applies_without_fetching_keys(cluster: Issuer) -> None:
    async with start_services(settings(**token_callers(cluster))) as harness:
        assert await harness.caller_of_token(token()) == KNOWN
        await harness.reconfigure(settings(**token_callers(cluster, max_lifetime_seconds=60)))
        assert await harness.caller_of_token(token()) is None
        assert cluster.requests == 1


async def test_stopping_leaves_no_task(cluster: Issuer) -> None:
    async with start_services(settings(**token_callers(cluster))) as harness:
        await harness.caller_of_token(token())
        await harness.reconfigure(BEFORE)
        await harness.reconfigure(settings(**token_callers(cluster)))
        await harness.sign(KNOWN)
    await until(lambda: asyncio.all_tasks() <= {asyncio.current_task(), *servers()})


def servers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "Issuer.serve" in repr(task.get_coro())]
