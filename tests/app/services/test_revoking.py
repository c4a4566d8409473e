"""`revoked_before`, once it is served."""

from datetime import UTC, datetime, timedelta

import pytest

from service.access.callers import CallerEntry
from service.access.grants import Caller
from service.errors import CredentialsUnavailable
from tests.app.services.house import (
    BEFORE,
    BILLING,
    BOTH,
    SALES,
    House,
    Issuer,
    a_moment_ago,
    called_here,
    caller,
    configuration,
    grant,
    house,
    of_cluster,
    settings,
    with_billing,
)
from tests.support.signed_urls import access_key_id_of


async def test_a_revoked_caller_has_a_new_session_and_others_keep_theirs(warm: House) -> None:
    old = {caller: access_key_id_of((await warm.sign(caller, key)).url) for caller, key in BOTH}
    warm.source().fetched.clear()
    await warm.replace(with_billing(grant(), grant("photos"), revoked_before=a_moment_ago()))
    new = {caller: access_key_id_of((await warm.sign(caller, key)).url) for caller, key in BOTH}
    assert new[BILLING] != old[BILLING]
    assert new[SALES] == old[SALES]
    assert warm.source().fetched == [(None, "billing")]
    assert len(warm.source("photos").fetched) == 2  # and of the bucket's own
    await warm.sign(bucket="photos")
    assert len(warm.source("photos").fetched) == 3


async def test_a_revoked_session_is_dropped_and_never_comes_back(warm: House) -> None:
    """Not even once somebody takes the line out of the configuration again."""
    old = access_key_id_of((await warm.sign()).url)
    await warm.replace(with_billing(grant(), grant("photos"), revoked_before=a_moment_ago()))
    assert dict(each[:2] for each in warm.running._pool.sessions_left()) == {
        "reports": 2,  # the bucket's own, and that of `sales`
        "photos": 1,
    }
    await warm.replace(BEFORE)
    assert access_key_id_of((await warm.sign()).url) != old


async def test_revoking_a_pattern_revokes_all_whom_it_matches(cluster: Issuer) -> None:
    before = of_cluster(cluster)
    before["callers"].append({**before["callers"][0], "subject": "system:serviceaccount:ops:*"})
    api, job, ops = (
        Caller(issuer="cluster-a", subject=f"system:serviceaccount:{name}")
        for name in ("billing:api", "billing:job", "ops:api")
    )
    async with house(settings(**before)) as made:
        old = [access_key_id_of((await made.sign(who)).url) for who in (api, job, ops)]
        first = {**before["callers"][0], "revoked_before": a_moment_ago()}
        await made.replace(settings(**{**before, "callers": [first, before["callers"][1]]}))
        new = [access_key_id_of((await made.sign(who)).url) for who in (api, job, ops)]
        assert [one == other for one, other in zip(old, new, strict=True)] == [False, False, True]


async def test_a_session_that_began_before_the_time_is_not_taken(warm: House) -> None:
    """STS's clock may be behind ours: then the next one will do."""
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    await warm.replace(with_billing(grant(), revoked_before=soon))
    with pytest.raises(CredentialsUnavailable) as refused:
        await warm.sign()
    assert refused.value.retry_after is not None


async def test_a_new_configuration_asks_of_no_session_for_callers_that_nobody_revoked() -> None:
    """To compare each session with each caller would hold the loop for seconds, of some thousands."""
    names = [f"team-{i}" for i in range(20)]
    many = settings(**configuration(callers=[caller(name, grant()) for name in names]))
    async with house(many) as made:
        for name in names:
            await made.sign(Caller(issuer=None, subject=name))
        with called_here(CallerEntry.matches) as seen:
            await made.replace(many)
        assert seen == []
        await made.sign(Caller(issuer=None, subject=names[0]))
        assert len(made.source().fetched) == len(names) + 1  # and the bucket's own


async def test_a_revoked_caller_is_asked_of_its_own_entries_alone() -> None:
    """In an incident many are revoked at once, and each has a session."""
    names = [f"team-{i}" for i in range(20)]
    revoked = [caller(name, grant(), revoked_before=a_moment_ago()) for name in names]
    many = settings(**configuration(callers=revoked))
    async with house(many) as made:
        for name in names:
            await made.sign(Caller(issuer=None, subject=name))
        with called_here(CallerEntry.matches) as seen:
            await made.replace(many)
        assert len(seen) <= 2 * len(names)  # found, and asked for its time
