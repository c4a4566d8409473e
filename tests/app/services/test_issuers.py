"""Issuers that are replaced: their keys, and who was known by them."""

import asyncio
from typing import Any

from service.access.grants import Caller
from tests.app.services.house import (
    BEFORE,
    Issuer,
    grant,
    house,
    issuer,
    of_cluster,
    settings,
    tasks,
    until,
)
from tests.auth.mint import SUBJECT, ed_key, make_token

KNOWN = Caller(issuer="cluster-a", subject=SUBJECT)


def token(**claims: Any) -> str:
    return make_token(ed_key("one"), **claims)


async def test_keys_of_an_issuer_that_is_the_same_are_not_fetched_anew(cluster: Issuer) -> None:
    async with house(settings(**of_cluster(cluster))) as made:
        assert await made.who(token()) == KNOWN
        await made.replace(settings(**of_cluster(cluster, grant(prefix="c/"))))
        assert await made.who(token()) == KNOWN
        assert cluster.asked == 1
        assert tasks("keys of") == ["keys of cluster-a"]


async def test_a_token_for_the_old_audience_is_refused_though_it_was_known(
    cluster: Issuer,
) -> None:
    async with house(settings(**of_cluster(cluster))) as made:
        old, new = token(), token(aud="presign-2")
        assert (await made.who(old), await made.who(new)) == (KNOWN, None)
        await made.replace(settings(**of_cluster(cluster, audience="presign-2")))
        assert made.running.tokens.known(old) is None
        assert (await made.who(old), await made.who(new)) == (None, KNOWN)
        assert cluster.asked == 1  # its keys are what they were


async def test_a_token_that_waits_for_a_key_is_judged_by_what_stands_then(cluster: Issuer) -> None:
    cluster.gate.clear()
    async with house(settings(**of_cluster(cluster))) as made:
        old, new = token(), token(aud="presign-2")
        waiting = [asyncio.ensure_future(made.who(each)) for each in (old, new)]
        await until(lambda: cluster.asked)
        await made.replace(settings(**of_cluster(cluster, audience="presign-2")))
        cluster.gate.set()
        assert await asyncio.gather(*waiting) == [None, KNOWN]
        assert made.running.tokens.known(old) is None
        assert await made.who(old) is None


async def test_a_token_that_waits_for_an_issuer_which_moves_is_served(cluster: Issuer) -> None:
    cluster.gate.clear()
    async with issuer() as moved, house(settings(**of_cluster(cluster))) as made:
        waiting = asyncio.ensure_future(made.who(token()))
        await until(lambda: cluster.asked)
        await made.replace(settings(**of_cluster(moved)))
        assert await waiting == KNOWN


async def test_an_issuer_that_moved_is_asked_for_its_keys_and_the_old_one_no_more(
    cluster: Issuer,
) -> None:
    async with issuer("two") as moved, house(settings(**of_cluster(cluster))) as made:
        assert await made.who(token()) == KNOWN
        await made.replace(settings(**of_cluster(moved)))
        assert await made.who(token()) is None
        assert (cluster.asked, moved.asked) == (1, 1)
        assert tasks("keys of") == ["keys of cluster-a"]


async def test_an_issuer_that_is_added_is_believed_and_one_that_is_removed_no_more(
    cluster: Issuer,
) -> None:
    async with house(BEFORE) as made:
        assert await made.who(token()) is None
        await made.replace(settings(**of_cluster(cluster)))
        assert await made.who(token()) == KNOWN
        await made.sign(KNOWN)
        await made.replace(BEFORE)
        assert await made.who(token()) is None
        assert await made.refused(KNOWN) == "forbidden"
        assert tasks("keys of") == []


async def test_what_only_the_token_check_needs_changes_without_the_keys(cluster: Issuer) -> None:
    async with house(settings(**of_cluster(cluster))) as made:
        assert await made.who(token()) == KNOWN
        await made.replace(settings(**of_cluster(cluster, max_lifetime_seconds=60)))
        assert await made.who(token()) is None
        assert cluster.asked == 1


async def test_the_end_leaves_no_task(cluster: Issuer) -> None:
    async with house(settings(**of_cluster(cluster))) as made:
        await made.who(token())
        await made.replace(BEFORE)
        await made.replace(settings(**of_cluster(cluster)))
        await made.sign(KNOWN)
    await until(lambda: asyncio.all_tasks() <= {asyncio.current_task(), *servers()})


def servers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "Issuer.serve" in repr(task.get_coro())]
