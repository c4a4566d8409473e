"""A person's token over HTTP: its groups decide, and nothing shows the others."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from service.presigning.audit import WriteLines
from tests.app.services.harness import issuer
from tests.auth import provider_tokens as provider
from tests.auth.mint import ed_key, make_token
from tests.support.app import make_app_settings, make_open_grant, run_app

GET: Final = {"bucket": "demo", "key": "finance/a"}
FINANCE: Final = {"issuer": "people", "claims": {"/groups": ["/finance", "/sales"]}}


@asynccontextmanager
async def people(
    *entries: Mapping[str, Any], audit: WriteLines | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the app with these entries, and an issuer that has Keycloak's `iss`."""
    async with issuer() as served:
        configured = served.configured(issuer=provider.KEYCLOAK["iss"])
        settings = make_app_settings(issuers={"people": configured}, callers=entries)
        async with run_app(settings, audit=audit) as client:
            yield client


def of_token(**changes: Any) -> dict[str, str]:
    claims = {**provider.KEYCLOAK, "aud": "presign", **changes}
    return {"Authorization": f"Bearer {make_token(ed_key('one'), **claims)}"}


async def test_a_member_gets_the_grants_and_reads_why() -> None:
    finance = FINANCE | {"grants": [make_open_grant(prefix="finance/")]}
    everyone = {"issuer": "people", "subject": "*", "grants": []}
    async with people(finance, everyone) as client:
        signed = await client.post("/v1/download-urls", json=GET, headers=of_token())
        told = await client.get("/v1/caller", headers=of_token())
        stranger = of_token(groups=["/legal"], sub="bob")
        refused = await client.post("/v1/download-urls", json=GET, headers=stranger)
        nothing = await client.get("/v1/caller", headers=stranger)
    assert (signed.status_code, refused.status_code) == (200, 403)
    assert told.json()["matched"] == [{"claims": {"/groups": "/finance"}}, {"subject": "*"}]
    assert [grant["prefix"] for grant in told.json()["grants"]] == ["finance/"]
    assert "audit" not in told.text  # the other group
    assert (nothing.json()["matched"], nothing.json()["grants"]) == ([{"subject": "*"}], [])


async def test_a_rate_follows_the_group() -> None:
    grants = [make_open_grant(prefix="finance/")]
    async with people(FINANCE | {"grants": grants, "rate_limit": "1/minute"}) as client:
        answers = [
            (await client.post("/v1/download-urls", json=GET, headers=of_token())).status_code
            for _ in range(2)
        ]
    assert answers == [200, 429]


@pytest.mark.parametrize("left_out", [True, False])
async def test_the_audit_says_that_groups_were_left_out(*, left_out: bool) -> None:
    audit: list[bytes] = []
    changes = {"groups": None, "_claim_names": {"groups": "src1"}} if left_out else {}
    async with people(FINANCE | {"grants": [make_open_grant()]}, audit=audit.extend) as client:
        answer = await client.post("/v1/download-urls", json=GET, headers=of_token(**changes))
    assert answer.status_code == (403 if left_out else 200)
    [line] = map(json.loads, audit)
    assert line.get("claims_left_out") is (True if left_out else None)
