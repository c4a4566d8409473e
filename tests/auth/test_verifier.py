"""Who sent a token, in virtual time that starts at the true hour: PyJWT asks the machine's clock."""

import asyncio
import json
import logging
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from service.access.callers import CallerEntry
from service.access.grants import Caller, Operation
from service.auth.api_keys import ApiKeys
from service.auth.jwks_cache import REFRESH_SECONDS, STALE_SECONDS, JwksCache
from service.auth.token_verifier import MAX_TOKENS, TokenVerifier
from service.auth.tokens import LEEWAY, MAX_TOKEN_LENGTH, Issuer
from service.errors import Overloaded
from service.presigning.snapshot import Snapshot
from tests.auth.house import AT_ONCE, DOWN, FakeKeySource
from tests.auth.mint import ISSUER, SUBJECT, a_token, claims, ed_key, jwk, jwks, signed
from tests.support.fakes import WALL, a_bucket, a_grant, in_virtual_time, loop_clock

OTHER = replace(ISSUER, name="cluster-b")
"""Another cluster that calls itself what the first does."""


class House:
    """A verifier of issuers, each with a source; `one` is the key of all that names no other."""

    def __init__(self, *issuers: tuple[Issuer, str]) -> None:
        clock = loop_clock()
        clock.skew = time.time() - WALL - clock.boot()
        self.clock = clock
        self.sources = [FakeKeySource(clock, kid) for _, kid in issuers]
        self.verifier = TokenVerifier(
            [
                (issuer, JwksCache(source, name=issuer.name, clock=clock, chance=lambda: 0))
                for (issuer, _), source in zip(issuers, self.sources, strict=True)
            ],
            clock=clock,
        )

    async def caller(self, token: str) -> Caller | None:
        identity = await self.verifier.identify(token)
        return None if identity is None else identity.caller


def ours(**changes: Any) -> str:
    return a_token(ed_key("one"), **changes)


@in_virtual_time
async def test_a_good_token_makes_its_sender_known() -> None:
    house = House((ISSUER, "one"))
    assert await house.caller(ours()) == Caller(issuer="cluster-a", subject=SUBJECT)


@in_virtual_time
async def test_a_token_that_is_known_makes_the_same_identity_known_at_once() -> None:
    house = House((ISSUER, "one"))
    token = ours()
    assert house.verifier.known(token) is None
    identity = await house.verifier.identify(token)
    assert identity is not None
    assert house.verifier.known(token) is identity
    with pytest.raises(StopIteration) as ended:
        house.verifier.identify(token).send(None)
    assert ended.value.value is identity


@in_virtual_time
async def test_many_who_bring_the_same_token_together_are_all_known() -> None:
    house = House((ISSUER, "one"))
    token = ours()
    found = await asyncio.gather(*(house.caller(token) for _ in range(100)))
    assert set(found) == {Caller(issuer="cluster-a", subject=SUBJECT)}
    assert len(house.verifier._cache) == 1


@in_virtual_time
async def test_a_token_that_differs_by_one_character_is_not_the_one_that_is_known() -> None:
    house = House((ISSUER, "one"))
    token = ours()
    assert await house.caller(token)
    changed = token[:-40] + ("A" if token[-40] != "A" else "B") + token[-39:]
    assert house.verifier.known(changed) is None
    assert await house.caller(changed) is None


@in_virtual_time
async def test_a_token_is_known_until_it_expires_and_no_longer() -> None:
    house = House((ISSUER, "one"))
    token = ours(exp=int(house.clock.wall()) + 60)
    assert await house.caller(token)
    await asyncio.sleep(60 + LEEWAY - 2)
    assert house.verifier.known(token) is not None
    await asyncio.sleep(2)
    assert house.verifier.known(token) is None
    assert not house.verifier._cache


@in_virtual_time
async def test_a_token_whose_key_is_withdrawn_is_no_longer_accepted() -> None:
    house = House((ISSUER, "one"))
    house.verifier.start()
    token = ours()
    assert await house.caller(token)
    house.sources[0].publish("two")
    await asyncio.sleep(REFRESH_SECONDS)
    assert house.verifier.known(token) is None
    assert await house.caller(token) is None


@in_virtual_time
async def test_a_token_whose_key_is_replaced_under_its_name_is_no_longer_accepted() -> None:
    house = House((ISSUER, "one"))
    house.verifier.start()
    token = ours()
    assert await house.caller(token)
    house.sources[0].document = jwks(jwk(ed_key("two"), "one"))
    await asyncio.sleep(REFRESH_SECONDS)
    assert await house.caller(token) is None
    assert await house.caller(a_token(ed_key("two")))


@in_virtual_time
async def test_a_token_stays_known_while_other_keys_come_and_go_but_is_verified_anew() -> None:
    house = House((ISSUER, "one"))
    house.verifier.start()
    token = ours()
    before = await house.verifier.identify(token)
    house.sources[0].publish("one", "two")
    await asyncio.sleep(REFRESH_SECONDS)
    assert house.verifier.known(token) is None
    assert await house.verifier.identify(token) is not before
    assert house.verifier.known(token) is not None


@in_virtual_time
async def test_a_token_of_an_issuer_that_is_down_is_known_for_a_day_and_then_no_longer() -> None:
    house = House((replace(ISSUER, max_lifetime_seconds=10 * 86_400), "one"))
    house.verifier.start()
    token = ours(exp=int(house.clock.wall()) + 5 * 86_400)
    assert await house.caller(token)
    house.sources[0].fault = DOWN
    await asyncio.sleep(STALE_SECONDS - 10)
    assert house.verifier.known(token) is not None
    await asyncio.sleep(20)
    assert house.verifier.known(token) is None
    with pytest.raises(Overloaded):
        await house.verifier.identify(token)


@in_virtual_time
async def test_what_is_kept_is_bounded_and_the_oldest_goes_first() -> None:
    house = House((ISSUER, "one"))
    tokens = [ours(sub=f"caller-{n}") for n in range(MAX_TOKENS + 2)]
    for token in tokens:
        assert await house.caller(token)
    assert [house.verifier.known(token) is None for token in tokens[:3]] == [True, True, False]
    assert house.verifier.known(tokens[-1]) is not None
    assert len(house.verifier._cache) == MAX_TOKENS


@in_virtual_time
async def test_neither_a_token_nor_a_refusal_is_kept() -> None:
    house = House((ISSUER, "one"))
    good, forged = ours(), a_token(ed_key("two"))
    assert await house.caller(good)
    assert await house.caller(forged) is None
    assert len(house.verifier._cache) == 1
    assert good not in repr(house.verifier._cache)
    assert good.split(".")[2] not in repr(house.verifier._cache)


@in_virtual_time
@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "\ud800", "é" * 50, "." * MAX_TOKEN_LENGTH, "a" * 100_000]
)
async def test_a_text_that_is_no_token_is_nobodys_and_asks_no_issuer(token: str) -> None:
    house = House((ISSUER, "one"))
    assert house.verifier.known(token) is None
    assert await house.verifier.identify(token) is None
    assert not house.sources[0].asked_at


@in_virtual_time
async def test_a_token_of_an_issuer_that_is_not_configured_asks_nobody() -> None:
    house = House((ISSUER, "one"))
    assert await house.caller(ours(iss="https://elsewhere.example")) is None
    assert not house.sources[0].asked_at


@in_virtual_time
async def test_a_token_of_a_key_that_is_unknown_is_nobodys() -> None:
    house = House((ISSUER, "two"))
    assert await house.caller(ours()) is None


@in_virtual_time
async def test_a_token_is_refused_for_a_while_if_its_issuer_has_no_keys() -> None:
    house = House((ISSUER, "one"))
    house.sources[0].fault = DOWN
    with pytest.raises(Overloaded):
        await house.verifier.identify(ours())


@in_virtual_time
async def test_nothing_is_told_of_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house = House((ISSUER, "one"))
    for token in (ours(aud="vault"), ours(exp=1), a_token(ed_key("two")), "x"):
        assert await house.caller(token) is None
    assert not caplog.records


@in_virtual_time
async def test_of_two_issuers_of_one_name_the_one_whose_key_verifies_is_meant() -> None:
    house = House((ISSUER, "one"), (OTHER, "two"))
    assert await house.caller(ours()) == Caller(issuer="cluster-a", subject=SUBJECT)
    theirs = signed(json.dumps(claims()), ed_key("two"), head={"kid": "two"})
    assert await house.caller(theirs) == Caller(issuer="cluster-b", subject=SUBJECT)


@in_virtual_time
async def test_two_issuers_of_one_name_may_call_their_keys_alike_too() -> None:
    house = House((ISSUER, "one"), (OTHER, "two"))
    house.sources[1].document = jwks(jwk(ed_key("two"), "one"))
    assert await house.caller(ours()) == Caller(issuer="cluster-a", subject=SUBJECT)
    theirs = a_token(ed_key("two"))
    assert await house.caller(theirs) == Caller(issuer="cluster-b", subject=SUBJECT)


@pytest.mark.parametrize("order", [(ISSUER, OTHER), (OTHER, ISSUER)])
@in_virtual_time
async def test_a_token_that_two_issuers_keys_verify_is_nobodys(
    order: tuple[Issuer, Issuer], caplog: pytest.LogCaptureFixture
) -> None:
    """One of them has published the other's key, and would make its subjects its own."""
    house = House((order[0], "one"), (order[1], "one"))
    for _, keys in house.verifier._issuers:
        assert await keys.find("one") is not None
    assert await house.caller(ours()) is None
    assert "have a key in common" in caplog.text


@in_virtual_time
async def test_a_shared_key_is_logged_once_until_the_configuration_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House((ISSUER, "one"), (OTHER, "one"))
    issuers = house.verifier._issuers
    for _, keys in issuers:
        assert await keys.find("one") is not None
    for number in range(100):
        assert await house.caller(ours(nonce=number)) is None
    assert caplog.text.count("have a key in common") == 1
    house.verifier.replace(issuers)
    assert await house.caller(ours()) is None
    assert caplog.text.count("have a key in common") == 2


@in_virtual_time
async def test_a_cluster_may_be_an_issuer_for_two_audiences() -> None:
    house = House((ISSUER, "one"), (replace(OTHER, audience="elsewhere"), "one"))
    for _, keys in house.verifier._issuers:
        assert await keys.find("one") is not None
    assert await house.caller(ours()) == Caller(issuer="cluster-a", subject=SUBJECT)


@in_virtual_time
async def test_one_issuers_token_never_makes_a_caller_of_another_known() -> None:
    elsewhere = replace(ISSUER, name="cluster-b", issuer="https://b.example")
    house = House((ISSUER, "one"), (elsewhere, "two"))
    payload = json.dumps(claims(iss="https://b.example"))
    good = signed(payload, ed_key("two"), head={"kid": "two"})
    assert await house.caller(good) == Caller(issuer="cluster-b", subject=SUBJECT)
    posing_as_a = signed(json.dumps(claims()), ed_key("two"), head={"kid": "two"})
    assert await house.caller(posing_as_a) is None
    posing_as_b = signed(payload, ed_key("one"))
    assert await house.caller(posing_as_b) is None


@in_virtual_time
async def test_an_audience_is_the_issuers_own() -> None:
    house = House((ISSUER, "one"), (replace(OTHER, audience="presign-b"), "one"))
    found = [await house.caller(ours(aud=aud)) for aud in ("presign", "presign-b", "vault")]
    assert [caller and caller.issuer for caller in found] == ["cluster-a", "cluster-b", None]


@in_virtual_time
@pytest.mark.parametrize("down", [0, 1])
async def test_an_issuer_that_is_down_leaves_another_of_its_name_its_callers(down: int) -> None:
    house = House((ISSUER, "one"), (OTHER, "one"))
    house.sources[down].fault = DOWN
    caller = await house.caller(ours())
    assert caller is not None
    assert caller.issuer == ("cluster-b" if down == 0 else "cluster-a")


@in_virtual_time
async def test_a_token_that_an_issuer_without_keys_may_have_made_is_not_refused_for_good() -> None:
    house = House((ISSUER, "one"), (OTHER, "two"))
    house.sources[0].fault = DOWN
    with pytest.raises(Overloaded):
        await house.verifier.identify(ours())


@in_virtual_time
async def test_an_issuer_that_hangs_does_not_hold_up_anothers_token_whose_key_is_known() -> None:
    house = House((ISSUER, "one"), (OTHER, "two"))
    house.sources[0].hangs = True
    house.verifier.start()
    await asyncio.sleep(1)
    now = house.clock.boot()
    assert await house.caller(signed(json.dumps(claims()), ed_key("two"), head={"kid": "two"}))
    assert house.clock.boot() - now < AT_ONCE


@in_virtual_time
async def test_remembered_tokens_stay_small_whatever_else_they_claim() -> None:
    """All that a user may put into a token of 8,192 characters, and a claim that a grant names.

    Those that are remembered at most take under 60 MiB, by what a part of them takes.
    """
    named = "/tenant"
    template = a_grant(prefix=f"{{claim:{named}}}/", allow=frozenset({Operation.DOWNLOAD}))
    house = House((replace(ISSUER, pointers=frozenset({named})), "one"))
    entry = CallerEntry(issuer=ISSUER.name, subject="*", grants=(template,))
    snapshot = Snapshot(
        buckets={"reports": a_bucket()},
        callers=(entry,),
        api_keys=ApiKeys(()),
        default_expires_in=900,
    )
    some = 256
    data: list[list[list[Any]]] = [[[]]] * 900
    await house.caller(ours())
    tracemalloc.start()
    try:
        for number in range(some):
            token = ours(sub=f"{number:0>255}", tenant=f"{number:0>64}", user_metadata=data)
            assert MAX_TOKEN_LENGTH - 400 < len(token) <= MAX_TOKEN_LENGTH
            identity = await house.verifier.identify(token)
            assert identity is not None
            assert snapshot.access(identity).grants
        each = tracemalloc.get_traced_memory()[0] / some
    finally:
        tracemalloc.stop()
    assert len(house.verifier._cache) == some + 1
    assert each * MAX_TOKENS < 60 * 1024**2
