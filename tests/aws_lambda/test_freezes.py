"""What a freeze between two invocations changes: sessions, keys and calls in progress."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from service.clock import Clock, SystemClock
from service.sessions.session import Session
from service.sessions.source import Owner, SessionRefused
from service.signing.signer import Address
from tests.auth.mint import ISSUER, claims, ed_key, jwk, jwks, signed
from tests.support.app import FixedSource, make_app_settings, make_open_grant, open_sources_of
from tests.support.http_servers import Handler, serving
from tests.support.lambda_events import Kind
from tests.support.lambda_instance import InstanceHarness, run_instance

HOUR: Final = 3600.0
SETTLE_SECONDS: Final = 0.2
FREEZES = pytest.mark.parametrize("counted", [True, False], ids=["paused", "restored"])


class MovedClock(SystemClock):
    """The machine's clocks. A freeze moves the wall clock, and the boot clock if it `counted`."""

    def __init__(self) -> None:
        self.walls = self.boots = 0.0

    def wall(self) -> float:
        return super().wall() + self.walls

    def boot(self) -> float:
        return super().boot() + self.boots

    def freeze(self, seconds: float, *, counted: bool) -> None:
        self.walls += seconds
        self.boots += seconds if counted else 0.0


class Sts(FixedSource):
    """Its sessions begin at the time of `now`, and take `seconds` to get."""

    def __init__(self, now: Clock) -> None:
        super().__init__(now)
        self.now = now
        self.seconds = 0.0
        self.in_progress = 0

    async def fetch(self, owner: Owner, policy: str | None, *, vended: bool = False) -> Session:
        self.in_progress += 1
        try:
            await asyncio.sleep(self.seconds)
            given = await super().fetch(owner, policy, vended=vended)
        finally:
            self.in_progress -= 1
        now = self.now.wall()
        return Session(
            credentials=given.credentials,
            name=f"session-{len(self.fetched)}",
            starts_at=now,
            expires_at=now + HOUR,
            server_time_at_boot=now - self.clock.boot(),
        )


@contextmanager
def run(clock: MovedClock, **more: Any) -> Iterator[tuple[InstanceHarness, Sts]]:
    sts = Sts(clock)

    def source(of_app: Clock) -> Sts:
        sts.clock = of_app  # which counts each freeze
        return sts

    settings = make_app_settings(make_open_grant(), **more)
    with run_instance(
        settings, clock, open_sources=open_sources_of(source), settle_seconds=SETTLE_SECONDS
    ) as harness:
        yield harness, sts


def sign(harness: InstanceHarness) -> Any:
    return harness.send(
        Kind.HTTP_API, "POST", "/v1/download-urls", b'{"bucket": "demo", "key": "a"}'
    )


def session_name(harness: InstanceHarness) -> str:
    name: str = json.loads(harness.audit[-1])["session_name"]
    return name


@FREEZES
def test_what_died_in_a_freeze_never_signs(counted: bool) -> None:
    clock = MovedClock()
    with run(clock) as (harness, _):
        assert sign(harness).status_code == 200
        before = session_name(harness)
        clock.freeze(HOUR + 1, counted=counted)
        assert sign(harness).status_code == 200
        assert session_name(harness) != before


@FREEZES
def test_a_session_is_refreshed_after_a_freeze_before_it_is_short(counted: bool) -> None:
    clock = MovedClock()
    with run(clock) as (harness, _):
        sign(harness)
        clock.freeze(HOUR - 600, counted=counted)
        answer = sign(harness).json()
    assert "limited_by" not in answer


@FREEZES
def test_sts_down_at_the_thaw_is_a_503_until_it_is_back(counted: bool) -> None:
    clock = MovedClock()
    with run(clock) as (harness, sts):
        sign(harness)
        clock.freeze(HOUR + 1, counted=counted)
        sts.failure = SessionRefused("STS is down")
        refused = sign(harness)
        assert (refused.status_code, refused.json()["code"]) == (503, "credentials_unavailable")
        sts.failure = None
        clock.freeze(float(refused.headers["retry-after"]) + 2, counted=counted)
        assert sign(harness).status_code == 200


def test_a_living_session_signs_while_sts_is_down() -> None:
    clock = MovedClock()
    with run(clock) as (harness, sts):
        sign(harness)
        clock.freeze(HOUR - 600, counted=True)
        sts.failure = SessionRefused("STS is down")
        answer = sign(harness).json()
    assert answer["limited_by"] == "session"


def test_an_answer_waits_for_a_call_to_sts_in_progress() -> None:
    clock = MovedClock()
    with run(clock) as (harness, sts):
        sign(harness)
        sts.seconds = SETTLE_SECONDS / 4
        clock.freeze(HOUR - 600, counted=True)
        sign(harness)
        assert sts.in_progress == 0


def test_a_call_to_sts_that_takes_too_long_is_interrupted_and_made_again() -> None:
    clock = MovedClock()
    with run(clock) as (harness, sts):
        sign(harness)
        sts.seconds = 60.0
        clock.freeze(HOUR - 600, counted=True)
        assert sign(harness).status_code == 200
        assert sts.in_progress == 0
        sts.seconds, before = 0.0, session_name(harness)
        clock.freeze(2, counted=True)
        sign(harness)
        assert session_name(harness) != before


def test_a_warm_invocation_calls_nobody() -> None:
    clock = MovedClock()
    with run(clock) as (harness, sts):
        sign(harness)
        calls = len(sts.fetched)
        for _ in range(10):
            clock.freeze(60, counted=True)
            sign(harness)
        assert len(sts.fetched) == calls


@FREEZES
def test_an_issuers_keys_are_fetched_again_after_a_freeze(counted: bool) -> None:
    published = jwks(jwk(ed_key("old"), "old"))

    class Keys(Handler):
        def do_GET(self) -> None:  # noqa: N802 - its name there
            self.answer(200, published)

    clock = MovedClock()
    with serving(Keys) as url:
        issuer = {
            "issuer": ISSUER.issuer,
            "audience": ISSUER.audiences[0],
            "jwks_url": f"{url}/jwks",
        }
        with run(clock, issuers={"cluster-a": issuer}) as (harness, _):
            token = signed(json.dumps(claims()), ed_key("old"), head={"kid": "old"})
            headers = [("authorization", f"Bearer {token}")]
            assert harness.send(Kind.HTTP_API, "GET", "/v1/caller", headers=headers).is_success
            published = jwks(jwk(ed_key("new"), "new"))
            clock.freeze(700, counted=counted)
            withdrawn = harness.send(Kind.HTTP_API, "GET", "/v1/caller", headers=headers)
            assert withdrawn.status_code == 401


def test_an_upload_never_begins_on_a_connection_closed_in_a_freeze() -> None:
    connections = list[socket.socket]()

    class Store(Handler):
        def do_POST(self) -> None:  # noqa: N802 - its name there
            connections.append(self.connection)
            upload = b"<InitiateMultipartUploadResult><UploadId>u</UploadId>"
            self.answer(200, upload + b"</InitiateMultipartUploadResult>")

    call = b'{"bucket": "demo", "key": "a", "content_length": 6000000}'
    with serving(Store) as url:
        host = url.partition("://")[2]
        address = Address(scheme="http", host=host, path_prefix="/", region="eu-west-1")
        settings = make_app_settings(make_open_grant())
        addresses = dict.fromkeys(settings.buckets, address)
        with run_instance(settings, addresses=addresses, store_transport=None) as harness:
            for _ in range(2):
                answer = harness.send(Kind.HTTP_API, "POST", "/v1/multipart-uploads", call)
                assert answer.status_code == 201, answer.text
                connections[-1].shutdown(socket.SHUT_RDWR)
