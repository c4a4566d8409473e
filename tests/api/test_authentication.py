"""Authentication: every missing, forged or malformed credential gets the same 401."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest

from service.app import builders as parts
from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.sessions.session import Session
from service.sessions.source import Owner
from tests.api.refusals import problem
from tests.api.sentinels import FORGED
from tests.app.services.harness import Issuer, issuer
from tests.auth.mint import SUBJECT, ed_key, make_token
from tests.support.app import (
    ADDRESS,
    API_KEY,
    FixedSource,
    app_of,
    make_app_settings,
    make_open_grant,
    open_sources_of,
    run_app,
)
from tests.support.virtual_time import FakeClock
from tests.support.waiting import until

GET: Final = {"bucket": "demo", "key": "a"}
GOOD: Final = f"Bearer {API_KEY}"
JWT: Final = FORGED  # in the form of a token
Headers = list[tuple[str, str]]


def sent(*values: str) -> Headers:
    return [("Authorization", value) for value in values]


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    async with run_app(make_app_settings(make_open_grant())) as client:
        del client.headers["Authorization"]
        yield client


async def reply(
    client: httpx.AsyncClient, headers: Headers, path: str = "/v1/download-urls"
) -> httpx.Response:
    return await client.post(path, json=GET, headers=headers)


def refusal(answer: httpx.Response) -> None:
    members = problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert members.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert members["detail"] == "Send `Authorization: Bearer` with a valid API key or token."


@pytest.mark.parametrize("value", [GOOD, f"bEARER  {API_KEY}"])
async def test_a_known_key_is_accepted_in_any_case_of_bearer(
    client: httpx.AsyncClient, value: str
) -> None:
    assert (await reply(client, sent(value))).status_code == 200


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([GOOD, GOOD], id="the same twice"),
        pytest.param([GOOD, "Bearer wrong"], id="a good one first"),
        pytest.param(["Bearer wrong", GOOD], id="a good one last"),
        pytest.param([GOOD, ""], id="one empty"),
        pytest.param(["Basic dGVzdGVyOng=", GOOD], id="another scheme beside it"),
        pytest.param([f"{GOOD}, {GOOD}"], id="joined by a comma"),
        pytest.param([f"Bearer wrong, {GOOD}"], id="joined by a comma, a good one last"),
        pytest.param([f"{GOOD},"], id="a comma after it"),
    ],
)
async def test_two_authorization_headers_are_refused(
    client: httpx.AsyncClient, values: list[str]
) -> None:
    refusal(await reply(client, sent(*values)))


@pytest.mark.parametrize(
    "query",
    [
        f"access_token={API_KEY}",
        f"api_key={API_KEY}",
        f"Authorization=Bearer%20{API_KEY}",
        f"authorization=Bearer+{API_KEY}",
        f"token={API_KEY}",
        API_KEY,
    ],
)
async def test_a_key_in_the_query_is_refused(client: httpx.AsyncClient, query: str) -> None:
    refusal(await reply(client, [], f"/v1/download-urls?{query}"))
    refusal(await reply(client, sent("Bearer"), f"/v1/download-urls?{query}"))


@pytest.mark.parametrize(
    "header",
    [
        ("Cookie", f"Authorization={API_KEY}; access_token={API_KEY}"),
        ("Proxy-Authorization", GOOD),
        ("X-Authorization", GOOD),
        ("X-Api-Key", API_KEY),
        ("X-Forwarded-Authorization", GOOD),
        ("X-Amz-Security-Token", API_KEY),
    ],
)
async def test_a_key_in_another_header_is_refused(
    client: httpx.AsyncClient, header: tuple[str, str]
) -> None:
    refusal(await reply(client, [header]))


async def test_a_key_in_the_body_is_refused(client: httpx.AsyncClient) -> None:
    form = {"access_token": API_KEY}  # RFC 6750, 2.2
    refusal(await client.post("/v1/download-urls", data=form))
    refusal(await client.post("/v1/download-urls", json=GET | form))


async def test_a_key_in_the_userinfo_of_the_url_is_refused(client: httpx.AsyncClient) -> None:
    refusal(await client.post(f"http://tester:{API_KEY}@presign/v1/download-urls", json=GET))


@pytest.mark.parametrize(
    "value",
    [
        *("Bearer ", "Bearer    ", " ", "Bearer tester", "Basic dGVzdGVyOmNvcnJlY3QtaG9yc2U="),
        *(API_KEY, f"Basic {API_KEY}", f"Token {API_KEY}", f"Digest {API_KEY}"),
        *(f"Bearer{API_KEY}", f"Bearer\t{API_KEY}", f"Bearer Bearer {API_KEY}"),
        *(f"Bearer {API_KEY}x", f"Bearer {API_KEY[:-1]}", f"Bearer {API_KEY.upper()}"),
        *(f'Bearer "{API_KEY}"', f"Bearer {API_KEY} {API_KEY}", f"Bearer {API_KEY};v=1"),
        *(f"Bearer {digest_of(API_KEY)}", f"Bearer {'x' * 100_000}"),
        *(f"Bearer {JWT}", f"Bearer {JWT}.{JWT}", "Bearer eyJ.eyJ.", "Bearer ..", "Bearer a.b.c"),
        f"Bearer {JWT}{'A' * 50_000}",
        *(b"Bearer \xff\xfe", b"Bearer \x00", b"\xc3\x9f", b"Bearer \xa0x"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_wrong_or_malformed_key_is_refused(
    client: httpx.AsyncClient, value: str | bytes
) -> None:
    raw = value if isinstance(value, bytes) else value.encode()
    refusal(await client.post("/v1/download-urls", json=GET, headers=[(b"Authorization", raw)]))


@pytest.mark.parametrize("values", [[""], ["Bearer"], ["Bearer wrong"], [GOOD, GOOD], ["Basic x"]])
async def test_bad_credentials_do_not_fall_back_to_the_anonymous_caller(values: list[str]) -> None:
    anonymous = {"grants": [{"bucket": "demo", "prefix": "", "allow": ["download"]}]}
    async with run_app(make_app_settings(unsafe_anonymous_caller=anonymous)) as client:
        del client.headers["Authorization"]
        assert (await reply(client, [])).status_code == 200
        refusal(await reply(client, sent(*values)))


async def test_an_api_key_has_only_its_own_grants() -> None:
    """Not those of a caller whose name is that key."""
    other = {
        "api_key": API_KEY,
        "sha256": [digest_of("another")],
        "grants": [{"bucket": "closed", "prefix": "", "allow": ["download"]}],
    }
    settings = make_app_settings(make_open_grant())
    callers = [*(each.model_dump(exclude_none=True) for each in settings.callers), other]
    async with run_app(make_app_settings(make_open_grant(), callers=callers)) as client:
        assert (await client.post("/v1/download-urls", json=GET)).status_code == 200
        answer = await client.post("/v1/download-urls", json=GET | {"bucket": "closed"})
        assert answer.status_code == 403
        assert (await client.get("/v1/caller")).json()["subject"] == "tester"


@pytest.mark.parametrize("values", [[], ["Bearer wrong"], [GOOD, GOOD], [f"Bearer {JWT}"]])
async def test_every_operation_answers_the_same_401(
    client: httpx.AsyncClient, values: list[str]
) -> None:
    calls = app_of(client).openapi()["paths"].items()
    assert len(calls) >= 11
    for path, methods in calls:
        for method in methods:
            refusal(await client.request(method, path, content=b"{", headers=sent(*values)))


async def test_a_key_removed_during_a_wait_is_refused() -> None:
    """The caller is authenticated again if the configuration has changed."""
    gate, fetching = asyncio.Event(), asyncio.Event()

    class Held(FixedSource):
        async def fetch(self, owner: Owner, policy: str | None, **more: Any) -> Session:
            if owner is not None:
                fetching.set()
                await gate.wait()
            return await super().fetch(owner, policy, **more)

    settings = make_app_settings(make_open_grant())
    async with run_app(settings, open_sources=open_sources_of(Held)) as client:
        authorizer = app_of(client).parts.core.authorizer
        one = asyncio.create_task(client.post("/v1/download-urls", json=GET))
        batch = asyncio.create_task(client.post("/v1/download-urls/batch", json={"items": [GET]}))
        await fetching.wait()
        caller = settings.callers[0].model_copy(update={"sha256": (digest_of("another"),)})
        changed = settings.model_copy(update={"callers": (caller,)})
        addresses = dict.fromkeys(settings.buckets, ADDRESS)
        authorizer.snapshot = parts.snapshot(changed, addresses, time.time)
        gate.set()
        assert [(await each).status_code for each in (one, batch)] == [401, 401]


async def test_a_key_is_refused_after_its_end() -> None:
    settings, clock = make_app_settings(make_open_grant()), FakeClock()
    end = datetime.fromtimestamp(clock.wall() + 60, UTC)
    caller = settings.callers[0].model_copy(update={"not_after": end})
    ending = settings.model_copy(update={"callers": (caller,)})
    async with run_app(ending, clock=clock) as client:
        assert (await client.post("/v1/download-urls", json=GET)).status_code == 200
        clock.move(60)
        assert (await client.post("/v1/download-urls", json=GET)).status_code == 200
        clock.move(1)
        refusal(await client.post("/v1/download-urls", json=GET))


def trusting(served: Issuer) -> Settings:
    """Return a configuration with one caller, whom this issuer names."""
    by_token = {"issuer": "cluster-a", "subject": SUBJECT, "grants": [make_open_grant()]}
    return make_app_settings(issuers={"cluster-a": served.configured()}, callers=[by_token])


async def test_a_token_waits_for_its_issuers_first_keys() -> None:
    async with issuer() as served:
        served.gate.clear()
        async with run_app(trusting(served)) as client:
            token = make_token(ed_key("one"))
            waiting = asyncio.ensure_future(reply(client, sent(f"Bearer {token}")))
            await until(lambda: served.requests)
            served.gate.set()
            assert (await waiting).status_code == 200


async def test_a_token_without_its_issuers_keys_gets_503() -> None:
    async with run_app(trusting(Issuer("one"))) as client:  # which nobody serves
        answer = await reply(client, sent(f"Bearer {make_token(ed_key('one'))}"))
    problem(answer, 503, "overloaded")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
