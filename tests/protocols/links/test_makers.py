"""Links of callers with tokens: the ticket has the claims that their grants use."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from service.access.claims import Facts, fact
from service.access.grants import Caller
from service.config.key_files import new_key
from service.protocols.links.tickets import LinkKeys
from tests.protocols.links.factories import KEY, make_link
from tests.protocols.links.harness import link_grant, real_clock, settings, start
from tests.support.app import make_app_settings

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
    ticket = LinkKeys([KEY]).seal(make_link(claims=claims, **times, **made | changes))
    async with start(type(plain).model_validate(document), clock) as harness:
        answer = await harness.client.get(f"/l/{ticket.text}")
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"Content-Type": "text/plain", "Content-Length": "10"}, 307),
        ({"Content-Type": "text/plain", "Content-Length": "11"}, 413),
        ({"Content-Type": "text/html", "Content-Length": "10"}, 415),
    ],
)
async def test_only_a_grant_with_link_decides_about_visitors(
    tmp_path: Path, sent: Mapping[str, str], status: int
) -> None:
    shared = link_grant(prefix="in/", max_content_length=10, content_types=["text/plain"])
    own = link_grant(prefix="", allow=["upload", "download"])
    drop_box = {"prefix": "in/", "operations": ["upload"]}
    async with start(settings(tmp_path, shared, own)) as harness:
        made = await harness.client.post("/v1/links", json={"bucket": "demo", **drop_box})
        address = urlsplit(made.json()["url"]).path
        answer = await harness.client.put(f"{address}/a", headers=sent)
        page = await harness.client.get(address)
        makers = {"Content-Type": "text/html", "Content-Length": "11", "If-None-Match": "*"}
        assert (await harness.client.put("/o/demo/in/a", headers=makers)).status_code == 307
    assert answer.status_code == status, answer.text
    assert 'data-most="10"' in page.text


FINANCE: Final = frozenset({fact("/groups", "finance")})


@pytest.mark.parametrize(
    ("facts", "changes", "status"),
    [
        (FINANCE, {}, 307),
        (frozenset(), {}, 404),
        (frozenset({fact("/groups", "sales")}), {}, 404),
        (FINANCE, {"claims": {"/groups": "sales"}}, 404),  # the entry was replaced
        (FINANCE, {"revoked_before": "NOW"}, 404),
    ],
)
async def test_a_link_keeps_the_groups_of_then(
    tmp_path: Path, facts: Facts, changes: dict[str, Any], status: int
) -> None:
    """An entry that is removed or revoked ends it."""
    clock = real_clock()
    now = int(clock.wall())
    if "revoked_before" in changes:
        changes = {"revoked_before": datetime.fromtimestamp(now, UTC).isoformat()}
    entry = {"issuer": "cluster-a", "claims": {"/groups": "finance"}, "grants": [link_grant()]}
    key = tmp_path / "link.key"
    key.write_text(new_key(KEY))
    configured = make_app_settings(
        issuers={"cluster-a": ISSUER},
        callers=[entry | changes],
        links={"keys": [str(key)]},
        server={"public_url": "https://files.example.com"},
    )
    made = make_link(
        caller=MAKER, facts=facts, bucket="demo", issued_at=now - 60, expires_at=now + 60
    )
    async with start(configured, clock) as harness:
        answer = await harness.client.get(f"/l/{LinkKeys([KEY]).seal(made).text}")
    assert answer.status_code == status, answer.text
