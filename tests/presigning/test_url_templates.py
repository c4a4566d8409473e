"""What is kept of a second's answers serves only as long as all that it was made of still stands."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.callers import Identity
from service.access.grants import AccessRequest, Grant, Operation, decide, decision_scope
from service.errors import Forbidden, PresignError
from service.presigning.audit import Requester
from service.presigning.requests import PresignBatch
from service.presigning.results import PresignedRequests
from service.presigning.snapshot import Snapshot
from service.sessions.lifetime import Lifetime
from service.signing.actions import GetObject
from service.signing.signer import Signer
from tests.presigning.house import (
    House,
    a_house,
    signer_of,
    times,
)
from tests.presigning.house import an_ask as some_ask
from tests.signing.strategies import examples
from tests.support.fakes import (
    ADDRESS,
    CALLER,
    REQUESTER,
    WALL,
    a_bucket,
    a_grant,
    a_snapshot,
    entry_of,
    in_virtual_time,
)

A_GET = GetObject()
A_LIFETIME = Lifetime()
DAY = 86_400


def an_ask(key: str) -> object:
    """As the API makes them: of the same action and the same lifetime, to the object."""
    return replace(some_ask(A_GET, key=key), lifetime=A_LIFETIME)


async def url(house: House, key: str = "a/b", requester: Requester = REQUESTER) -> str:
    return (await house.presigner.presign(requester, an_ask(key))).url  # type: ignore[arg-type]  # it is one


def kept(house: House) -> int:
    return len(house.presigner._templates._cache)


@in_virtual_time
async def test_keys_of_one_second_share_what_does_not_depend_on_them() -> None:
    house = a_house(a_snapshot(a_grant()))
    one, other = await url(house, "a"), await url(house, "b")
    assert kept(house) == 1
    assert one.replace("/a?", "/b?").partition("X-Amz-Signature")[0] in other


@in_virtual_time
async def test_each_second_has_its_own() -> None:
    house = a_house(a_snapshot(a_grant()))
    first = await url(house)
    house.clock.move(1)
    assert times(await url(house))[0] == times(first)[0] + 1


@in_virtual_time
async def test_midnight_is_a_second_like_any_other() -> None:
    """The day is in the scope, and in the key that signs."""
    house = a_house(a_snapshot(a_grant()), session_seconds=3 * DAY, longest_lifetime=60)
    await url(house)
    house.clock.move(DAY - house.clock.boot() - 0.5)
    before = await url(house)
    house.clock.move(1)
    after = await url(house)
    assert "%2F20260101%2F" in before
    assert "%2F20260102%2F" in after
    assert times(before)[0] == WALL + DAY - 1
    assert times(after)[0] == WALL + DAY


@in_virtual_time
async def test_a_refreshed_session_signs_at_once_within_the_same_second() -> None:
    house = a_house(a_snapshot(a_grant()))
    before = await url(house)
    (entry,) = [e for k, e in house.authorizer._pool._entries.items() if k.owner is not None]
    assert entry.current is not None
    fresh = replace(entry.current.session.credentials, access_key_id="ASIAFRESH")
    session = replace(entry.current.session, credentials=fresh)
    entry.current = replace(entry.current, session=session, signer=Signer(fresh, ADDRESS))
    after = await url(house)
    assert times(after) == times(before)
    assert signer_of(after) == "ASIAFRESH" != signer_of(before)


@in_virtual_time
async def test_a_clock_that_is_put_right_changes_no_url() -> None:
    house = a_house(a_snapshot(a_grant()))
    before = await url(house)
    house.clock.skew = 3600.0
    assert await url(house) == before


@in_virtual_time
async def test_what_a_session_has_left_is_told_anew_each_second() -> None:
    house = a_house(a_snapshot(a_grant()), session_seconds=600)
    first = times(await url(house))
    house.clock.move(10)
    second = times(await url(house))
    assert sum(second) == sum(first)  # both end with the session
    assert second[1] == first[1] - 10


@in_virtual_time
async def test_a_grant_that_is_withdrawn_is_withdrawn_within_the_second() -> None:
    house = a_house(a_snapshot(a_grant(prefix="a/")))
    await url(house)
    house.authorizer.snapshot = a_snapshot(a_grant(prefix="b/"))
    with pytest.raises(Forbidden):
        await url(house)


@in_virtual_time
async def test_a_key_beyond_the_reach_is_decided_for_itself() -> None:
    """Of two grants on one bucket, each gives its own longest lifetime; elsewhere there is none."""
    grants = [a_grant(prefix="a/", max_expires_in=60), a_grant(prefix="a/b/", max_expires_in=600)]
    house = a_house(a_snapshot(*grants))
    keys = ["a/x", "a/b/x", "a/y", "a/b/y", "a/bx"]
    assert [times(await url(house, key))[1] for key in keys] == [60, 600, 60, 600, 60]
    with pytest.raises(Forbidden):
        await url(house, "b/x")


@in_virtual_time
async def test_callers_do_not_share_one() -> None:
    other = replace(CALLER, subject="sales")
    snapshot: Snapshot = replace(
        a_snapshot(a_grant(prefix="a/")),
        callers=(entry_of(CALLER, a_grant(prefix="a/")), entry_of(other, a_grant(prefix="b/"))),
    )
    house = a_house(snapshot)
    mine = await url(house, "a/b")
    with pytest.raises(Forbidden):
        await url(house, "a/b", Requester(Identity(other), "request-2"))
    theirs = await url(house, "b/b", Requester(Identity(other), "request-2"))
    assert signer_of(mine) != signer_of(theirs)


@in_virtual_time
async def test_a_url_that_names_its_request_is_no_other_requests() -> None:
    house = a_house(a_snapshot(a_grant(), buckets={"reports": a_bucket(tag_urls=True)}))
    urls = [await url(house, "a", Requester(Identity(CALLER), name)) for name in ("one", "two")]
    assert [each.partition("x-presign-id=")[2].partition("&")[0] for each in urls] == ["one", "two"]
    assert kept(house) == 0


@in_virtual_time
async def test_what_is_kept_is_bounded() -> None:
    house = a_house(a_snapshot(a_grant()))
    for number in range(300):
        ask = some_ask(GetObject(version_id=str(number)), key="a")
        await house.presigner.presign(REQUESTER, ask)
    assert kept(house) == 256


@in_virtual_time
async def test_a_batch_of_keys_that_are_alike_is_answered_as_each_alone() -> None:
    grants = [a_grant(prefix="a/", max_expires_in=60), a_grant(prefix="a/b/", max_expires_in=600)]
    house = a_house(a_snapshot(*grants))
    keys = ["a/1", "a/2", "a/b/1", "a/\u00e9", "a/../x", "no", "a/b/2", "a/b/3", "a/3"]
    told = await house.sign_batch([PresignBatch(some_ask(key=keys[0]), keys)])
    alone = await house.sign_batch([some_ask(key=key) for key in keys])
    assert _flat(told) == _flat(alone)


def _flat(answers: Sequence[PresignedRequests | PresignError]) -> list[object]:
    return [
        each
        for answer in answers
        for each in (
            [(answer.code, answer.detail)] if isinstance(answer, PresignError) else answer.urls
        )
    ]


PREFIXES = st.sampled_from(["", "a", "a/", "a/b", "a/b/", "b/", "a/b/c"])
KEYS = st.sampled_from(["a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/d", "a/bc", "b/", "b/a", "c"])


@examples(300)
@given(
    grants=st.lists(
        st.builds(
            Grant,
            bucket=st.sampled_from(["reports", "photos"]),
            prefix=PREFIXES,
            allow=st.frozensets(st.sampled_from([Operation.DOWNLOAD, Operation.VERSIONS])),
            max_expires_in=st.sampled_from([None, 60, 600]),
        ),
        max_size=4,
    ),
    one=KEYS,
    other=KEYS,
    version=st.booleans(),
)
def test_within_the_reach_of_a_decision_the_same_is_decided(
    grants: list[Grant], one: str, other: str, version: bool
) -> None:
    def access_request(key: str) -> AccessRequest:
        return AccessRequest(
            operation=Operation.DOWNLOAD, bucket="reports", key=key, version=version
        )

    reached = decision_scope(grants, access_request(one))
    if reached is not None and reached.contains(other):
        assert decide(grants, access_request(one)) == decide(grants, access_request(other))
