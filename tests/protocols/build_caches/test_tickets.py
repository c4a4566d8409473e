"""A ticket is its caller at one cache, for as long as the caller is one."""

from pathlib import Path
from typing import Any, Final

import pytest

from service.access.callers import Identity
from service.access.grants import Caller
from service.auth.api_keys import digest_of
from service.config.key_files import new_key
from service.presigning.requests import Requester
from service.protocols.build_caches.caches import BuildCaches
from service.protocols.build_caches.places import CacheTicket
from service.protocols.git_lfs.tickets import UploadTicket
from service.protocols.links.tickets import LinkKeys
from service.protocols.tickets import TicketKeys
from tests.protocols.build_caches.harness import (
    BODY,
    NX,
    OF_PULL,
    OTHERS,
    OWN,
    TRUSTED,
    TURBO,
    Harness,
    caller,
    grant,
    refused,
    settings,
    signed,
    start,
    writing,
)
from tests.protocols.git_lfs.test_tickets import TICKET as LFS_TICKET
from tests.protocols.links.factories import EXAMPLE, KEY, OTHER_KEY
from tests.support.app import app_of
from tests.support.virtual_time import FakeClock

HELD: Final = ("/event_name", '"pull_request"')
TICKETS: Final = "/caches/web/tickets"
TICKET: Final = CacheTicket(
    issuer="github",
    subject="repo:acme/web:pull_request",
    claims={"/run_id": "sentinel-claim"},
    facts=[["/event_name", '"sentinel-event"']],
    cache="web",
    issued_at=1_790_000_000,
    expires_at=1_790_021_600,
)


async def ticket_of(harness: Harness, path: str = TICKETS) -> dict[str, str]:
    """Make a ticket, and return the header that sends it."""
    answer = await harness.send("POST", path)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"token", "expires_at"}
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def test_a_ticket_is_its_caller_at_each_door(tmp_path: Path) -> None:
    async with start(settings(*OF_PULL, keys=tmp_path)) as harness:
        ticket = await ticket_of(harness)
        harness.has(f"{TRUSTED}nx/abc")
        answer = await harness.send("GET", f"{NX}/abc", headers=ticket)
        assert signed(answer)[0] == f"{TRUSTED}nx/abc"
        answer = await harness.send("PUT", f"{NX}/new", headers=ticket, content=BODY)
        assert signed(answer)[0] == f"{OWN}nx/new"
        assert (await harness.preflight("PUT", **ticket)).status_code == 200
        answer = await harness.client.post(TURBO, json={"hashes": ["abc"]}, headers=ticket)
        assert answer.status_code == 200
        answer = await harness.send("GET", f"{TURBO}/status", headers=ticket)
        assert answer.json() == {"status": "enabled"}
    subjects = {line["subject"] for line in harness.audit_lines}
    assert subjects == {"tester"}


async def test_a_ticket_opens_nothing_else(tmp_path: Path) -> None:
    grants = (writing(TRUSTED), writing("cache/docs/"))
    async with start(settings(*grants, keys=tmp_path)) as harness:
        ticket = await ticket_of(harness)
        for method, path in (
            ("GET", "/caches/docs/v1/cache/abc"),
            ("GET", "/caches/docs/v8/artifacts/status"),
            ("GET", "/v1/caller"),
            ("GET", f"/o/demo/{TRUSTED}nx/abc"),
            ("POST", TICKETS),
            ("POST", "/caches/docs/tickets"),
        ):
            answer = await harness.send(method, path, headers=ticket)
            assert answer.status_code == 401, path
        body = {"bucket": "demo", "key": f"{TRUSTED}nx/abc"}
        answer = await harness.client.post("/v1/download-urls", json=body, headers=ticket)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "grants", [(writing(OTHERS),), (grant(TRUSTED, "download"),), (grant("elsewhere/"),)]
)
async def test_only_who_may_read_makes_a_ticket(
    grants: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    async with start(settings(*grants, keys=tmp_path)) as harness:
        known, unknown = [
            await harness.send("POST", f"/caches/{name}/tickets") for name in ("web", "unknown")
        ]
        assert known.json()["code"] == unknown.json()["code"] == "forbidden"
        assert known.status_code == 403


async def test_without_keys_there_are_no_tickets(harness: Harness) -> None:
    answer = await harness.send("POST", TICKETS)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "tickets for build caches" in answer.json()["detail"]


async def test_a_ticket_ends_with_its_time(tmp_path: Path) -> None:
    clock = FakeClock()
    section = {"web": {"bucket": "demo", "trusted": TRUSTED, "ticket_seconds": 600}}
    async with start(settings(keys=tmp_path, build_caches=section), clock=clock) as harness:
        ticket = await ticket_of(harness)
        clock.move(599)
        assert refused(await harness.send("GET", f"{NX}/a", headers=ticket))[0] == 404
        clock.move(1)
        for path in (NX, TURBO):
            answer = await harness.send("GET", f"{path}/a", headers=ticket)
            assert refused(answer) == (401, "unauthenticated")
            assert "The ticket is over" in answer.text


async def test_a_ticket_ends_with_its_caller(tmp_path: Path) -> None:
    """Each replica decides by its own configuration of the moment."""
    clock = FakeClock()
    async with start(settings(keys=tmp_path), clock=clock) as harness:
        ticket = await ticket_of(harness)
    tester, other = caller("tester", writing(TRUSTED)), caller("other", writing(TRUSTED))
    revoked = {**tester, "revoked_before": "2026-01-01T00:00:01Z"}
    for callers, code in (([tester], 404), ([revoked], 401), ([other], 401)):
        async with start(settings(keys=tmp_path, callers=callers), clock=clock) as harness:
            answer = await harness.send("GET", f"{NX}/a", headers=ticket)
            assert answer.status_code == code, answer.text
            line = harness.line()
            assert (line["decision"], line.get("subject")) == (
                "denied",
                "tester" if code == 404 else None,
            )


async def test_a_new_key_of_its_caller_ends_no_ticket(tmp_path: Path) -> None:
    """A ticket has no key: the page says what ends it."""
    async with start(settings(keys=tmp_path)) as harness:
        ticket = await ticket_of(harness)
    renewed = {**caller("tester", writing(TRUSTED)), "sha256": [digest_of("another key")]}
    async with start(settings(keys=tmp_path, callers=[renewed])) as harness:
        answer = await harness.send("GET", f"{NX}/a", headers=ticket)
        assert refused(answer) == (404, "not_found")


async def test_grants_of_the_moment_decide_a_ticket(tmp_path: Path) -> None:
    async with start(settings(keys=tmp_path)) as harness:
        ticket = await ticket_of(harness)
    async with start(settings(grant(TRUSTED), keys=tmp_path)) as harness:
        answer = await harness.send("PUT", f"{NX}/a", headers=ticket, content=BODY)
        assert refused(answer) == (403, "forbidden")


async def test_another_key_opens_no_ticket(tmp_path: Path) -> None:
    async with start(settings(keys=tmp_path)) as harness:
        ticket = await ticket_of(harness)
    configured = settings(keys=tmp_path)
    (tmp_path / "link.key").write_text(new_key(b"o" * 32))
    async with start(configured) as harness:
        answer = await harness.send("GET", f"{NX}/a", headers=ticket)
        assert refused(answer) == (401, "unauthenticated")


async def test_a_changed_ticket_is_none(tmp_path: Path) -> None:
    async with start(settings(keys=tmp_path)) as harness:
        ticket = (await ticket_of(harness))["Authorization"]
        other = "B" if ticket[-9] == "A" else "A"
        for text in (
            ticket[:-1],
            f"{ticket}=",
            f"{ticket[:-9]}{other}{ticket[-8:]}",
            f"{ticket} {ticket}",
        ):
            answer = await harness.send("GET", f"{NX}/a", headers={"Authorization": text})
            assert refused(answer) == (401, "unauthenticated")


async def test_a_ticket_keeps_the_claims_that_held(tmp_path: Path) -> None:
    issuer = {"issuer": "https://a.example", "audience": "a", "jwks_url": "https://a.example/k"}
    folder = f"{OTHERS}{{claim:/run_id}}/"
    pull = {
        "issuer": "github",
        "claims": {"/event_name": "pull_request"},
        "grants": [grant(TRUSTED), writing(folder)],
    }
    configured = settings(keys=tmp_path, issuers={"github": issuer}, callers=[pull])
    made = Identity(
        Caller(issuer="github", subject="repo:acme/web:pull_request"),
        {"/run_id": "99", "/actor_id": "5"},
        facts=frozenset({HELD, ("/other", '"x"')}),
    )
    async with start(configured) as harness:
        caches = app_of(harness.client).parts.use_case(BuildCaches)
        cache = caches.configured.find("web")
        ticket = await caches.make_ticket(Requester(made, "request"), cache)
        answer = await harness.send(
            "PUT", f"{NX}/a", headers={"Authorization": f"Bearer {ticket.token}"}, content=BODY
        )
        assert signed(answer)[0] == f"{OTHERS}99/nx/a"
        assert ticket.token not in repr(ticket)
        snapshot = caches.authorizer.snapshot
        found = caches.caller_of(snapshot, "web", ticket.token)
    assert found is not None
    assert found.claims == {"/run_id": "99"}
    assert found.facts == {HELD}


async def test_a_ticket_has_its_audit_line(tmp_path: Path) -> None:
    async with start(settings(keys=tmp_path)) as harness:
        ticket = (await ticket_of(harness))["Authorization"].removeprefix("Bearer ")
        assert ticket.encode() not in b"".join(harness.audit_bytes)
        line = harness.line()
    found = {name: line.get(name) for name in ("decision", "action", "cache", "operation", "keys")}
    assert found == {
        "decision": "allowed",
        "action": "MakeTicket",
        "cache": "web",
        "operation": "download",
        "keys": [],
    }


async def test_a_ticket_counts_as_one_url(tmp_path: Path) -> None:
    async with start(settings(keys=tmp_path, rate_limit="1/hour")) as harness:
        await ticket_of(harness)
        assert (await harness.send("POST", TICKETS)).status_code == 429


def test_no_ticket_is_one_of_another_kind() -> None:
    keys, lfs = TicketKeys([KEY], CacheTicket), TicketKeys([KEY], UploadTicket)
    assert keys.open_ticket(keys.seal(TICKET)) == TICKET
    assert keys.open_ticket(lfs.seal(LFS_TICKET)) is None
    assert lfs.open_ticket(keys.seal(TICKET)) is None
    assert keys.open_ticket(LinkKeys([KEY]).seal(EXAMPLE).text) is None
    assert TicketKeys([OTHER_KEY], CacheTicket).open_ticket(keys.seal(TICKET)) is None
    assert TicketKeys([OTHER_KEY, KEY], CacheTicket).open_ticket(keys.seal(TICKET)) == TICKET


def test_a_ticket_shows_no_claims() -> None:
    assert "sentinel" not in repr(TICKET)
    assert "sentinel" not in TicketKeys([KEY], CacheTicket).seal(TICKET)
