"""Links of callers with tokens: the ticket has the claims that their grants use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from service.access.grants import Caller
from service.protocols.links.keys import KeyRing
from tests.protocols.links.harness import link_grant, real_clock, settings, start
from tests.protocols.links.links import KEY, make_link

ISSUER: Final = {"issuer": "https://i.example", "audience": "p", "jwks_url": "http://127.0.0.1:9/"}
MAKER: Final = Caller(issuer="cluster-a", subject="team:ada")
TEAM: Final = {"/team": "billing"}


@pytest.mark.parametrize(
    ("claims", "changes", "prefix", "status"),
    [
        (TEAM, {}, "{claim:/team}/", 307),
        (TEAM, {}, "billing/", 307),
        (TEAM, {"key": "sales/a"}, "{claim:/team}/", 404),
        ({}, {}, "{claim:/team}/", 404),
        (TEAM, {}, "{claim:/tenant}/", 404),  # the grants of today ask for another claim
        (TEAM, {"caller": Caller(issuer="cluster-b", subject="team:ada")}, "{claim:/team}/", 404),
        (TEAM, {"caller": Caller(issuer=None, subject="team:ada")}, "{claim:/team}/", 404),
    ],
)
async def test_the_claims_of_then_meet_the_grants_of_today(
    tmp_path: Path,
    claims: Mapping[str, str],
    changes: dict[str, Any],
    prefix: str,
    status: int,
) -> None:
    clock, plain = real_clock(), settings(tmp_path)
    entry = {"issuer": "cluster-a", "subject": "team:*", "grants": [link_grant(prefix=prefix)]}
    document = plain.model_dump(exclude_unset=True) | {
        "issuers": {"cluster-a": ISSUER},
        "callers": [entry],
    }
    now = int(clock.wall())
    made: dict[str, Any] = {"caller": MAKER, "bucket": "demo", "key": "billing/a"}
    times = {"issued_at": now, "expires_at": now + 60}
    ticket = KeyRing([KEY]).seal(make_link(claims=claims, **times, **made | changes))
    async with start(type(plain).model_validate(document), clock) as harness:
        answer = await harness.client.get(f"/l/{ticket.text}")
    assert answer.status_code == status, answer.text
