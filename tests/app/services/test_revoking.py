"""`revoked_before` in a new configuration."""

from datetime import UTC, datetime, timedelta

import pytest

from service.access.callers import CallerEntry
from service.access.grants import Caller
from service.errors import CredentialsUnavailable
from tests.app.services.harness import (
    BEFORE,
    BILLING,
    SALES,
    Harness,
    Issuer,
    called_here,
    caller,
    grant,
    key_ids,
    now,
    settings,
    start_services,
    token_callers,
    with_billing,
)
from tests.support.signed_urls import access_key_id_of


async def test_only_a_revoked_caller_gets_a_new_session(warm: Harness) -> None:
    old = await key_ids(warm)
    warm.source().fetched.clear()
    await warm.reconfigure(with_billing(grant(), grant("photos"), revoked_before=now()))
    new = await key_ids(warm)
    assert new[BILLING] != old[BILLING]
    assert new[SALES] == old[SALES]
    assert warm.source().fetched == [(None, "billing")]
    assert len(warm.source("photos").fetched) == 2  # with the probe session
    await warm.sign(bucket="photos")
    assert len(warm.source("photos").fetched) == 3


async def test_a_revoked_session_is_dropped_and_never_comes_back(warm: Harness) -> None:
    """Not even if `revoked_before` is removed again."""
    old = access_key_id_of((await warm.sign()).url)
    await warm.reconfigure(with_billing(grant(), grant("photos"), revoked_before=now()))
    assert dict(each[:2] for each in warm.services.core.pool.sessions_left()) == {
        "reports": 2,  # the probe session, and that of `sales`
        "photos": 1,
    }
    await warm.reconfigure(BEFORE)
    assert access_key_id_of((await warm.sign()).url) != old


async def test_revoking_a_pattern_revokes_every_matching_caller(cluster: Issuer) -> None:
    before = token_callers(cluster)
    before["callers"].append({**before["callers"][0], "subject": "system:serviceaccount:ops:*"})
    api, job, ops = (
        Caller(issuer="cluster-a", subject=f"system:serviceaccount:{name}")
        for name in ("billing:api", "billing:job", "ops:api")
    )
    async with start_services(settings(**before)) as harness:
        old = [access_key_id_of((await harness.sign(each)).url) for each in (api, job, ops)]
        first = {**before["callers"][0], "revoked_before": now()}
        await harness.reconfigure(settings(**{**before, "callers": [first, before["callers"][1]]}))
        new = [access_key_id_of((await harness.sign(each)).url) for each in (api, job, ops)]
        assert [one == other for one, other in zip(old, new, strict=True)] == [False, False, True]


async def test_a_session_from_before_the_cutoff_is_not_used(warm: Harness) -> None:
    """STS's clock may be behind ours; a later session will do."""
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    await warm.reconfigure(with_billing(grant(), revoked_before=soon))
    with pytest.raises(CredentialsUnavailable) as raised:
        await warm.sign()
    assert raised.value.retry_after is not None


@pytest.mark.parametrize(("more", "most"), [({}, 0), ({"revoked_before": now()}, 2)])
async def test_a_change_compares_revoked_callers_with_their_own_entries_only(
    more: dict[str, str], most: int
) -> None:
    """To compare all sessions with all callers would block the event loop for seconds."""
    names = [f"team-{i}" for i in range(20)]
    many = settings(callers=[caller(name, grant(), **more) for name in names])
    async with start_services(many) as harness:
        for name in names:
            await harness.sign(Caller(issuer=None, subject=name))
        with called_here(CallerEntry.matches) as compared:
            await harness.reconfigure(many)
        assert len(compared) <= most * len(names)
        await harness.sign(Caller(issuer=None, subject=names[0]))
        assert len(harness.source().fetched) == len(names) + 1  # and the probe session
