"""URL templates: kept for a second, and used only while everything in them is still true."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import to_json

from service.access.grants import Grant, Operation
from service.errors import Forbidden, PresignError
from service.presigning.json_template import PLACEHOLDER, cut, quoted, text
from service.presigning.requests import PresignBatch, Requester
from service.presigning.results import PresignedRequests
from service.sessions.lifetime import Lifetime
from service.signing.actions import GetObject
from service.signing.signer import Signer
from tests.support.authorizer import Harness, make_harness
from tests.support.examples import examples
from tests.support.factories import (
    ADDRESS,
    CALLER,
    REQUESTER,
    make_bucket,
    make_caller_entry,
    make_grant,
    make_request,
    make_requester,
    make_snapshot,
)
from tests.support.signed_urls import access_key_id_of, validity_of
from tests.support.virtual_time import CLOCK_START, in_virtual_time

A_GET = GetObject()
A_LIFETIME = Lifetime()
DAY = 86_400


async def url(harness: Harness, key: str = "a/b", requester: Requester = REQUESTER) -> str:
    """Of a request as the API makes it: with the same objects as action and lifetime."""
    request = replace(make_request(A_GET, key=key), lifetime=A_LIFETIME)
    return (await harness.presign(request, requester)).url


def kept(harness: Harness) -> int:
    return len(harness.presigner._templates._cache)


@in_virtual_time
async def test_keys_of_one_second_share_a_template() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    one, other = await url(harness, "a"), await url(harness, "b")
    assert kept(harness) == 1
    assert one.replace("/a?", "/b?").partition("X-Amz-Signature")[0] in other


@in_virtual_time
async def test_midnight_is_a_second_like_any_other() -> None:
    """The day is in the scope, and in the key that signs."""
    snapshot = make_snapshot(make_grant())
    harness = make_harness(snapshot, session_seconds=3 * DAY, longest_lifetime=60)
    await url(harness)
    harness.clock.move(DAY - harness.clock.boot() - 0.5)
    before = await url(harness)
    harness.clock.move(1)
    after = await url(harness)
    assert "%2F20260101%2F" in before
    assert "%2F20260102%2F" in after
    assert validity_of(before)[0] == CLOCK_START + DAY - 1
    assert validity_of(after)[0] == CLOCK_START + DAY


@in_virtual_time
async def test_a_refreshed_session_signs_at_once_within_the_same_second() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    before = await url(harness)
    (entry,) = [e for k, e in harness.authorizer._pool._entries.items() if k.owner is not None]
    assert entry.current is not None
    fresh = replace(entry.current.session.credentials, access_key_id="ASIAFRESH")
    session = replace(entry.current.session, credentials=fresh)
    entry.current = replace(entry.current, session=session, signer=Signer(fresh, ADDRESS))
    after = await url(harness)
    assert validity_of(after) == validity_of(before)
    assert access_key_id_of(after) == "ASIAFRESH" != access_key_id_of(before)


@in_virtual_time
async def test_the_time_that_a_session_has_left_counts_each_second() -> None:
    harness = make_harness(make_snapshot(make_grant()), session_seconds=600)
    first = validity_of(await url(harness))
    harness.clock.move(10)
    second = validity_of(await url(harness))
    assert sum(second) == sum(first)  # both end with the session
    assert second[1] == first[1] - 10


@in_virtual_time
async def test_a_grant_that_is_withdrawn_is_withdrawn_within_the_second() -> None:
    harness = make_harness(make_snapshot(make_grant(prefix="a/")))
    await url(harness)
    harness.authorizer.snapshot = make_snapshot(make_grant(prefix="b/"))
    with pytest.raises(Forbidden):
        await url(harness)


@in_virtual_time
async def test_a_key_beyond_the_reach_is_decided_for_itself() -> None:
    """Of two grants on one bucket, each gives its own longest lifetime; elsewhere there is none."""
    grants = [
        make_grant(prefix="a/", max_expires_in=60),
        make_grant(prefix="a/b/", max_expires_in=600),
    ]
    harness = make_harness(make_snapshot(*grants))
    keys = ["a/x", "a/b/x", "a/y", "a/b/y", "a/bx"]
    assert [validity_of(await url(harness, key))[1] for key in keys] == [60, 600, 60, 600, 60]
    with pytest.raises(Forbidden):
        await url(harness, "b/x")


@in_virtual_time
async def test_callers_do_not_share_one() -> None:
    other = replace(CALLER, subject="sales")
    snapshot = make_snapshot(make_grant(prefix="a/"))
    entries = *snapshot.callers, make_caller_entry(other, make_grant(prefix="b/"))
    harness = make_harness(replace(snapshot, callers=entries))
    mine = await url(harness, "a/b")
    with pytest.raises(Forbidden):
        await url(harness, "a/b", make_requester(other))
    theirs = await url(harness, "b/b", make_requester(other))
    assert access_key_id_of(mine) != access_key_id_of(theirs)


@in_virtual_time
async def test_a_url_with_a_tag_is_not_kept() -> None:
    buckets = {"reports": make_bucket(tag_urls=True)}
    harness = make_harness(make_snapshot(make_grant(), buckets=buckets))
    await url(harness)  # `test_tags.py` shows what its tag is
    assert kept(harness) == 0


@in_virtual_time
async def test_the_number_of_templates_is_bounded() -> None:
    harness = make_harness(make_snapshot(make_grant()))
    for number in range(300):
        request = make_request(GetObject(version_id=str(number)), key="a")
        await harness.presign(request)
    assert kept(harness) == 256


def _flat(answers: Sequence[PresignedRequests | PresignError]) -> list[object]:
    flat: list[object] = []
    for answer in answers:
        if isinstance(answer, PresignError):
            flat.append((answer.code, answer.detail))
        else:
            flat += answer.urls
    return flat


PREFIXES = st.sampled_from(["", "a", "a/", "a/b", "a/b/", "b/", "a/b/c"])
KEYS = st.sampled_from(["a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/d", "a/bc", "b/", "b/a", "c"])


GRANTS = st.lists(
    st.builds(
        Grant,
        bucket=st.sampled_from(["reports", "photos"]),
        prefix=PREFIXES,
        allow=st.frozensets(st.sampled_from([Operation.DOWNLOAD, Operation.VERSIONS])),
        max_expires_in=st.sampled_from([None, 60, 600]),
    ),
    max_size=4,
)


@examples(200)
@given(
    grants=GRANTS,
    keys=st.lists(KEYS | st.sampled_from(["a/../x", "a/\u00e9", ""]), min_size=1, max_size=6),
)
@example(grants=[make_grant(prefix="a")], keys=["a.bak", "a"])
@example(grants=[make_grant(prefix="a"), make_grant(prefix="")], keys=["a", "a.bak", "b"])
def test_a_batch_is_answered_as_each_key_alone(grants: list[Grant], keys: list[str]) -> None:
    @in_virtual_time
    async def compare() -> None:
        buckets = {"reports": make_bucket(), "photos": make_bucket()}
        harness = make_harness(make_snapshot(*grants, buckets=buckets))
        together = await harness.presign_batch([PresignBatch(make_request(key=keys[0]), keys)])
        alone = await harness.presign_batch([make_request(key=key) for key in keys])
        assert _flat(together) == _flat(alone)

    compare()


PLAIN = st.text("abcXYZ019-._~/%?&=:", max_size=20)


@examples(300)
@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_is_rendered_as_anywhere_else(value: str) -> None:
    assert json.loads(text(value)) == value
    assert text(value) == to_json(value) or not value.isprintable()


@examples(200)
@given(before=st.text(), filling=PLAIN)
def test_a_hole_is_filled_and_nothing_else_is_cut(before: str, filling: str) -> None:
    before = before.encode(errors="ignore").decode()
    begin, end = cut({"before": before, "hole": PLACEHOLDER, "after": [before, 1, None]})
    filled = json.loads(begin + quoted(filling) + end)
    assert filled == {"before": before, "hole": filling, "after": [before, 1, None]}
