"""A configuration that is replaced while somebody waits for a session."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.errors import CredentialsUnavailable, Forbidden
from service.presigning.results import PresignedRequests
from tests.app.services.house import (
    BEFORE,
    BUCKET,
    ROLE,
    House,
    caller,
    configuration,
    grant,
    house,
    settings,
    until,
    with_billing,
    with_bucket,
)
from tests.support.signed_urls import access_key_id_of


@pytest.fixture(name="cold")
async def _cold() -> AsyncIterator[House]:
    """No session comes before its source's gate is open."""
    async with house(BEFORE) as made:
        for source in made.sources:
            source.gate.clear()
        yield made


async def asked(made: House, *signing: asyncio.Future[Any]) -> None:
    """Once those who wait have had their sessions asked for."""
    await until(made.fetched)
    assert not any(each.done() for each in signing)


async def test_who_waits_while_its_bucket_is_replaced_is_answered(cold: House) -> None:
    signing = [asyncio.ensure_future(cold.sign()) for _ in range(20)]
    batch = asyncio.ensure_future(cold.batch("reports", "reports"))
    await asked(cold, *signing, batch)
    await cold.replace(with_bucket(role_arn=f"{ROLE}-2"))
    urls = {(await each).url for each in signing} | {url(each) for each in await batch}
    assert {access_key_id_of(url) for url in urls} == {access_key_id_of((await cold.sign()).url)}
    assert cold.source().role_arn == f"{ROLE}-2"
    assert cold.source().fetched.count((None, "billing")) == 1


def url(answer: object) -> str:
    assert isinstance(answer, PresignedRequests), answer
    [found] = answer.urls
    return found


async def test_who_waits_while_its_grants_are_replaced_is_answered_by_the_new_session(
    cold: House,
) -> None:
    signing = asyncio.ensure_future(cold.sign())
    batch = asyncio.ensure_future(cold.batch("reports", "photos"))
    await asked(cold, signing, batch)
    await cold.replace(with_billing(grant(), grant("photos"), grant(prefix="c/")))
    for source in cold.sources:
        source.gate.set()
    url((await batch)[1])
    assert access_key_id_of((await signing).url) == access_key_id_of(url((await batch)[0]))
    assert access_key_id_of((await signing).url) == access_key_id_of((await cold.sign()).url)


async def test_a_session_that_fails_for_grants_which_are_no_more_fails_nobody(cold: House) -> None:
    source = cold.source()
    signing = asyncio.ensure_future(cold.sign())
    await asked(cold, signing)
    own, *callers = zip(source.fetched, source.policies, strict=True)
    assert own[0] is None  # the bucket's own session comes, or callers would wait for that
    source.refused = {policy for _, policy in callers}
    await cold.replace(with_billing(grant(), grant(prefix="c/")))
    source.gate.set()
    await signing


async def test_who_waits_while_its_bucket_or_grant_is_removed_is_refused(cold: House) -> None:
    signing = asyncio.ensure_future(cold.sign(bucket="photos"))
    batch = asyncio.ensure_future(cold.batch("reports", "photos"))
    await asked(cold, signing, batch)
    cold.source().gate.set()
    await cold.replace(settings(buckets={"reports": BUCKET}, callers=[caller("billing", grant())]))
    with pytest.raises(Forbidden):
        await signing
    served, refused = await batch
    url(served)
    assert isinstance(refused, Forbidden)


async def test_a_batch_whose_bucket_is_removed_as_it_begins_to_wait_fails_no_other(
    cold: House,
) -> None:
    batch = asyncio.ensure_future(cold.batch("reports", "photos"))
    await asyncio.sleep(0)  # it waits, but its waiting has not begun
    cold.source().gate.set()
    await cold.replace(settings(buckets={"reports": BUCKET}, callers=[caller("billing", grant())]))
    served, refused = await batch
    url(served)
    assert isinstance(refused, Forbidden)


async def test_who_waits_for_a_session_that_cannot_be_had_is_told_so_though_others_change(
    cold: House,
) -> None:
    signing = asyncio.ensure_future(cold.sign())
    await asked(cold, signing)
    cold.source().refused = set(cold.source().policies)
    await cold.replace(settings(callers=configuration()["callers"][:1]))
    cold.source().gate.set()
    with pytest.raises(CredentialsUnavailable):
        await signing
