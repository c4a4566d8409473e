"""A new configuration while requests wait for a session."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.errors import CredentialsUnavailable, Forbidden
from service.presigning.results import PresignedRequests
from tests.app.services.harness import (
    BEFORE,
    ROLE,
    WITHOUT_PHOTOS,
    Harness,
    configuration,
    grant,
    settings,
    start_services,
    with_billing,
    with_bucket,
)
from tests.support.signed_urls import access_key_id_of
from tests.support.waiting import until


@pytest.fixture(name="cold")
async def _cold() -> AsyncIterator[Harness]:
    """No session arrives until the gate of its source is open."""
    async with start_services(BEFORE) as harness:
        for source in harness.sources:
            source.gate.clear()
        yield harness


async def requested(harness: Harness, *signing: asyncio.Future[Any]) -> None:
    """Wait until STS has been called for these requests."""
    await until(harness.fetched)
    assert not any(each.done() for each in signing)


async def test_waiting_requests_survive_a_new_role(cold: Harness) -> None:
    signing = [asyncio.ensure_future(cold.sign()) for _ in range(20)]
    batch = asyncio.ensure_future(cold.batch("reports", "reports"))
    await requested(cold, *signing, batch)
    await cold.reconfigure(with_bucket(role_arn=f"{ROLE}-2"))
    urls = {(await each).url for each in signing} | {url(each) for each in await batch}
    assert {access_key_id_of(url) for url in urls} == {access_key_id_of((await cold.sign()).url)}
    assert cold.source().role_arn == f"{ROLE}-2"
    assert cold.source().fetched.count((None, "billing")) == 1


def url(answer: object) -> str:
    assert isinstance(answer, PresignedRequests), answer
    [found] = answer.urls
    return found


async def test_waiting_requests_use_the_session_of_new_grants(cold: Harness) -> None:
    signing = asyncio.ensure_future(cold.sign())
    batch = asyncio.ensure_future(cold.batch("reports", "photos"))
    await requested(cold, signing, batch)
    await cold.reconfigure(with_billing(grant(), grant("photos"), grant(prefix="c/")))
    for source in cold.sources:
        source.gate.set()
    url((await batch)[1])
    assert access_key_id_of((await signing).url) == access_key_id_of(url((await batch)[0]))
    assert access_key_id_of((await signing).url) == access_key_id_of((await cold.sign()).url)


async def test_a_failed_session_of_old_grants_fails_no_request(cold: Harness) -> None:
    source = cold.source()
    signing = asyncio.ensure_future(cold.sign())
    await requested(cold, signing)
    own, *callers = zip(source.fetched, source.policies, strict=True)
    assert own[0] is None  # the probe session: callers would wait for it
    source.refused_policies = {policy for _, policy in callers}
    await cold.reconfigure(with_billing(grant(), grant(prefix="c/")))
    source.gate.set()
    await signing


async def test_waiting_requests_are_refused_once_their_bucket_is_removed(cold: Harness) -> None:
    signing = asyncio.ensure_future(cold.sign(bucket="photos"))
    batch = asyncio.ensure_future(cold.batch("reports", "photos"))
    await requested(cold, signing, batch)
    early = asyncio.ensure_future(cold.batch("reports", "photos"))
    await asyncio.sleep(0)  # it is about to wait
    cold.source().gate.set()
    await cold.reconfigure(WITHOUT_PHOTOS)
    with pytest.raises(Forbidden):
        await signing
    for served, refused in (await batch, await early):
        url(served)
        assert isinstance(refused, Forbidden)


async def test_a_failed_session_of_unchanged_grants_fails_waiting_requests(cold: Harness) -> None:
    signing = asyncio.ensure_future(cold.sign())
    await requested(cold, signing)
    cold.source().refused_policies = set(cold.source().policies)
    await cold.reconfigure(settings(callers=configuration()["callers"][:1]))
    cold.source().gate.set()
    with pytest.raises(CredentialsUnavailable):
        await signing
