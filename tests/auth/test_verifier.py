"""The token verifier, in virtual time that starts now: PyJWT reads the machine's clock."""

import asyncio
import json
import logging
import time
import tracemalloc
from dataclasses import replace
from typing import Any, Final

import pytest

from service.access.callers import CallerEntry
from service.access.claims import NamedClaims
from service.access.grants import Caller, Operation
from service.auth.jwks_cache import REFRESH_SECONDS, STALE_SECONDS, JwksCache
from service.auth.token_verifier import MAX_TOKENS, TokenVerifier
from service.auth.tokens import LEEWAY, MAX_TOKEN_LENGTH, Issuer
from service.errors import Overloaded
from tests.auth.harness import AT_ONCE, DOWN, FakeKeySource
from tests.auth.mint import ISSUER, SUBJECT, claims, ed_key, jwk, jwks, make_token, signed
from tests.support.factories import make_grant, make_snapshot
from tests.support.observers import NullObserver
from tests.support.virtual_time import CLOCK_START, in_virtual_time, loop_clock

OTHER = replace(ISSUER, name="cluster-b")  # another cluster with the same `iss`


class Harness:
    """A verifier of issuers, each with a source that has one key."""

    def __init__(self, *issuers: tuple[Issuer, str]) -> None:
        clock = loop_clock()
        clock.skew = time.time() - CLOCK_START - clock.boot()
        self.clock = clock
        self.sources = [FakeKeySource(clock, kid) for _, kid in issuers]
        self.verifier = TokenVerifier(
            [
                (
                    issuer,
                    JwksCache(
                        source,
                        name=issuer.name,
                        clock=clock,
                        jitter=lambda: 0,
                        observer=NullObserver(),
                    ),
                )
                for (issuer, _), source in zip(issuers, self.sources, strict=True)
            ],
            clock=clock,
        )

    async def caller(self, token: str) -> Caller | None:
        identity = await self.verifier.identify(token)
        return None if identity is None else identity.caller


def ours(**changes: Any) -> str:
    return make_token(ed_key("one"), **changes)


def theirs(kid: str = "two", **changes: Any) -> str:
    """Return a token of `cluster-b`."""
    return signed(json.dumps(claims(**changes)), ed_key("two"), head={"kid": kid})


OTHER_ISS: Final = ours(iss="https://elsewhere.example")


@in_virtual_time
async def test_a_cached_token_gives_the_same_identity_at_once() -> None:
    harness = Harness((ISSUER, "one"))
    token = ours()
    assert harness.verifier.known(token) is None
    identity = await harness.verifier.identify(token)
    assert identity is not None
    assert harness.verifier.known(token) is identity
    with pytest.raises(StopIteration) as ended:
        harness.verifier.identify(token).send(None)
    assert ended.value.value is identity


@in_virtual_time
async def test_a_token_changed_by_one_character_is_refused() -> None:
    harness = Harness((ISSUER, "one"))
    token = ours()
    assert await harness.caller(token)
    changed = token[:-40] + ("A" if token[-40] != "A" else "B") + token[-39:]
    assert harness.verifier.known(changed) is None
    assert await harness.caller(changed) is None


@in_virtual_time
async def test_tokens_are_cached_until_they_expire() -> None:
    harness = Harness((ISSUER, "one"))
    token = ours(exp=int(harness.clock.wall()) + 60)
    assert await harness.caller(token)
    await asyncio.sleep(60 + LEEWAY - 2)
    assert harness.verifier.known(token) is not None
    await asyncio.sleep(2)
    assert harness.verifier.known(token) is None
    assert not harness.verifier._cache


@in_virtual_time
@pytest.mark.parametrize("kid", ["two", "one"], ids=["withdrawn", "replaced"])
async def test_a_token_with_a_withdrawn_or_replaced_key_is_refused(kid: str) -> None:
    harness = Harness((ISSUER, "one"))
    harness.verifier.start()
    token = ours()
    assert await harness.caller(token)
    harness.sources[0].document = jwks(jwk(ed_key("two"), kid))
    await asyncio.sleep(REFRESH_SECONDS)
    assert harness.verifier.known(token) is None
    assert await harness.caller(token) is None
    assert await harness.caller(theirs(kid))


@in_virtual_time
async def test_changed_keys_cause_another_verification() -> None:
    harness = Harness((ISSUER, "one"))
    harness.verifier.start()
    token = ours()
    before = await harness.verifier.identify(token)
    harness.sources[0].publish("one", "two")
    await asyncio.sleep(REFRESH_SECONDS)
    assert harness.verifier.known(token) is None
    assert await harness.verifier.identify(token) is not before
    assert harness.verifier.known(token) is not None


@in_virtual_time
async def test_tokens_are_accepted_for_a_day_without_issuer() -> None:
    harness = Harness((replace(ISSUER, max_lifetime_seconds=10 * 86_400), "one"))
    harness.verifier.start()
    token = ours(exp=int(harness.clock.wall()) + 5 * 86_400)
    assert await harness.caller(token)
    harness.sources[0].error = DOWN
    await asyncio.sleep(STALE_SECONDS - 10)
    assert harness.verifier.known(token) is not None
    await asyncio.sleep(20)
    assert harness.verifier.known(token) is None
    with pytest.raises(Overloaded):
        await harness.verifier.identify(token)


@in_virtual_time
async def test_the_cache_is_bounded_and_drops_the_oldest() -> None:
    harness = Harness((ISSUER, "one"))
    tokens = [ours(sub=f"caller-{n}") for n in range(MAX_TOKENS + 2)]
    for token in tokens:
        assert await harness.caller(token)
    assert [harness.verifier.known(token) is None for token in tokens[:3]] == [True, True, False]
    assert harness.verifier.known(tokens[-1]) is not None
    assert len(harness.verifier._cache) == MAX_TOKENS


@in_virtual_time
async def test_neither_tokens_nor_refusals_are_cached() -> None:
    harness = Harness((ISSUER, "one"))
    good, forged = ours(), make_token(ed_key("two"))
    assert await harness.caller(good)
    assert await harness.caller(forged) is None
    assert len(harness.verifier._cache) == 1
    assert good not in repr(harness.verifier._cache)
    assert good.split(".")[2] not in repr(harness.verifier._cache)


@in_virtual_time
@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "a.b.c", "\ud800", "é" * 50),
        pytest.param("." * MAX_TOKEN_LENGTH, id="long"),
        pytest.param("a" * 100_000, id="too long"),
        pytest.param(OTHER_ISS, id="of another iss"),
    ],
)
async def test_text_that_is_no_token_of_an_issuer_asks_none(token: str) -> None:
    harness = Harness((ISSUER, "one"))
    assert harness.verifier.known(token) is None
    assert await harness.verifier.identify(token) is None
    assert not harness.sources[0].fetched_at


@in_virtual_time
async def test_refusals_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    harness = Harness((ISSUER, "one"))
    for token in (ours(aud="vault"), ours(exp=1), make_token(ed_key("two")), "x"):
        assert await harness.caller(token) is None
    assert not caplog.records


@pytest.mark.parametrize("kid", ["one", "two"])
@in_virtual_time
async def test_the_verifying_key_selects_among_issuers_with_one_iss(kid: str) -> None:
    harness = Harness((ISSUER, "one"), (OTHER, "two"))
    harness.sources[1].document = jwks(jwk(ed_key("two"), kid))
    assert await harness.caller(ours()) == Caller(issuer="cluster-a", subject=SUBJECT)
    assert await harness.caller(theirs(kid)) == Caller(issuer="cluster-b", subject=SUBJECT)


@pytest.mark.parametrize("order", [(ISSUER, OTHER), (OTHER, ISSUER)])
@in_virtual_time
async def test_a_token_that_two_issuers_verify_is_refused(
    order: tuple[Issuer, Issuer], caplog: pytest.LogCaptureFixture
) -> None:
    """One of them has published the other's key, to pass off the other's callers as its own."""
    harness = Harness((order[0], "one"), (order[1], "one"))
    for _, keys in harness.verifier._issuers:
        assert await keys.find("one") is not None
    assert await harness.caller(ours()) is None
    assert "have a key in common" in caplog.text


@pytest.mark.parametrize("order", [(ISSUER, OTHER), (OTHER, ISSUER)])
@in_virtual_time
async def test_a_cached_token_is_refused_once_a_second_issuer_has_its_key(
    order: tuple[Issuer, Issuer],
) -> None:
    harness = Harness((order[0], "one"), (order[1], "two"))
    harness.verifier.start()
    await asyncio.sleep(1)
    token = ours()
    assert await harness.caller(token) == Caller(issuer=order[0].name, subject=SUBJECT)
    harness.sources[1].publish("one", "two")
    await asyncio.sleep(REFRESH_SECONDS)
    assert harness.verifier.known(token) is None
    assert await harness.caller(token) is None


@pytest.mark.parametrize("order", [(ISSUER, OTHER), (OTHER, ISSUER)])
@in_virtual_time
async def test_a_new_key_that_another_issuer_shows_first_is_refused_once_both_have_it(
    order: tuple[Issuer, Issuer],
) -> None:
    """The first one rotates to the key, and the second one publishes it and is asked earlier."""
    harness = Harness((order[0], "one"), (order[1], "one"))
    harness.verifier.start()
    await asyncio.sleep(1)
    for each in harness.sources:
        each.publish("two")
    harness.sources[0].delay = 5
    await asyncio.sleep(REFRESH_SECONDS)
    token = theirs()
    assert await harness.caller(token) == Caller(issuer=order[1].name, subject=SUBJECT)
    await asyncio.sleep(5)
    assert harness.verifier.known(token) is None
    assert await harness.caller(token) is None


@in_virtual_time
async def test_a_shared_key_is_logged_once_until_the_configuration_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    harness = Harness((ISSUER, "one"), (OTHER, "one"))
    issuers = harness.verifier._issuers
    for _, keys in issuers:
        assert await keys.find("one") is not None
    for number in range(100):
        assert await harness.caller(ours(nonce=number)) is None
    assert caplog.text.count("have a key in common") == 1
    harness.verifier.replace(issuers)
    assert await harness.caller(ours()) is None
    assert caplog.text.count("have a key in common") == 2


@in_virtual_time
async def test_no_issuer_can_identify_callers_of_another() -> None:
    elsewhere = replace(ISSUER, name="cluster-b", issuer="https://b.example")
    harness = Harness((ISSUER, "one"), (elsewhere, "two"))
    good, posing_as_a = theirs(iss="https://b.example"), theirs()
    assert await harness.caller(good) == Caller(issuer="cluster-b", subject=SUBJECT)
    assert await harness.caller(posing_as_a) is None
    posing_as_b = ours(iss="https://b.example")
    assert await harness.caller(posing_as_b) is None


@in_virtual_time
async def test_each_issuer_has_its_own_audience() -> None:
    harness = Harness((ISSUER, "one"), (replace(OTHER, audiences=("presign-b",)), "one"))
    found = [await harness.caller(ours(aud=aud)) for aud in ("presign", "presign-b", "vault")]
    assert [caller and caller.issuer for caller in found] == ["cluster-a", "cluster-b", None]


@in_virtual_time
@pytest.mark.parametrize(
    ("aud", "accepted"),
    [
        ("presign", True),
        ("files-console", True),
        (["files-console"], True),
        (["presign", "files-console"], True),  # both are of one issuer, so it fits only one
        (["vault", "files-console"], True),
        ("vault", False),
        ("presign files-console", False),
        ("files-*", False),
        ([], False),
    ],
)
async def test_one_issuer_accepts_tokens_for_any_of_its_audiences(
    aud: str | list[str], accepted: bool
) -> None:
    harness = Harness((replace(ISSUER, audiences=("presign", "files-console")), "one"))
    caller = await harness.caller(ours(aud=aud))
    assert caller == (Caller(issuer="cluster-a", subject=SUBJECT) if accepted else None)


@in_virtual_time
@pytest.mark.parametrize("down", [0, 1])
async def test_an_issuer_that_is_down_does_not_affect_another(down: int) -> None:
    harness = Harness((ISSUER, "one"), (OTHER, "one"))
    harness.sources[down].error = DOWN
    caller = await harness.caller(ours())
    assert caller is not None
    assert caller.issuer == ("cluster-b" if down == 0 else "cluster-a")


@in_virtual_time
async def test_a_possible_issuer_without_keys_means_overloaded() -> None:
    harness = Harness((ISSUER, "one"), (OTHER, "two"))
    harness.sources[0].error = DOWN
    with pytest.raises(Overloaded):
        await harness.verifier.identify(ours())


@in_virtual_time
async def test_a_hanging_issuer_does_not_delay_anothers_tokens() -> None:
    harness = Harness((ISSUER, "one"), (OTHER, "two"))
    harness.sources[0].hangs = True
    harness.verifier.start()
    await asyncio.sleep(1)
    now = harness.clock.boot()
    assert await harness.caller(theirs())
    assert harness.clock.boot() - now < AT_ONCE


@pytest.mark.slow
@in_virtual_time
async def test_cached_tokens_stay_small_whatever_they_claim() -> None:
    """A full cache takes under 60 MiB, extrapolated from tokens filled with a user's own data."""
    named = "/tenant"
    template = make_grant(prefix=f"{{claim:{named}}}/", allow=frozenset({Operation.DOWNLOAD}))
    harness = Harness((replace(ISSUER, named=NamedClaims(pointers=frozenset({named}))), "one"))
    entry = CallerEntry(issuer=ISSUER.name, subject="*", grants=(template,))
    snapshot = replace(make_snapshot(), callers=(entry,))
    some = 256
    data: list[list[list[Any]]] = [[[]]] * 1650
    await harness.caller(ours())
    tracemalloc.start()
    try:
        for number in range(some):
            token = ours(sub=f"{number:0>255}", tenant=f"{number:0>64}", user_metadata=data)
            assert MAX_TOKEN_LENGTH - 400 < len(token) <= MAX_TOKEN_LENGTH
            identity = await harness.verifier.identify(token)
            assert identity is not None
            assert snapshot.access(identity).grants
        each = tracemalloc.get_traced_memory()[0] / some
    finally:
        tracemalloc.stop()
    assert len(harness.verifier._cache) == some + 1
    assert each * MAX_TOKENS < 60 * 1024**2


@in_virtual_time
async def test_only_a_token_that_was_valid_has_expired() -> None:
    harness = Harness((ISSUER, "one"))
    past = {"iat": int(time.time()) - 7200, "nbf": int(time.time()) - 7200}
    ended = {**past, "exp": int(time.time()) - 3600}
    assert not await harness.verifier.has_expired(ours(**ended))  # no key is fetched for it
    assert await harness.caller(ours())
    assert await harness.verifier.has_expired(ours(**ended))
    assert await harness.caller(ours(**ended)) is None
    for other in (
        ours(),
        ours(**ended, aud="another"),
        ours(**{**ended, "iat": int(time.time()) + 3600}),
        theirs("one", **ended),
        OTHER_ISS,
        "no token",
    ):
        assert not await harness.verifier.has_expired(other)
