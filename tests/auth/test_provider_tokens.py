"""Tokens in the shape of each provider meet the conditions that one writes for them."""

from dataclasses import replace
from typing import Any

import pytest

from service.access.callers import Identity
from service.access.claims import ClaimValue, NamedClaims, fact
from service.auth.tokens import MAX_TOKEN_LENGTH, verify
from tests.auth import provider_tokens as provider
from tests.auth.mint import ISSUER, ed_key, make_token, rsa_key, verification_key


def identify(claims: provider.Claims, *facts: tuple[str, ClaimValue]) -> Identity:
    """Verify a token with these claims, where the configuration names `facts`."""
    named = NamedClaims(facts=frozenset(fact(*each) for each in facts))
    issuer = replace(ISSUER, issuer=claims["iss"], named=named)
    token = make_token(**{**claims, "aud": ISSUER.audiences[0]})
    verified = verify(token, issuer=issuer, key=verification_key(ed_key()))
    assert verified is not None
    assert verified.identity.caller.subject == claims["sub"]
    return verified.identity


@pytest.mark.parametrize(
    ("claims", "pointer", "value", "other"),
    [
        (provider.KEYCLOAK, "/groups", "/finance", "finance"),
        (provider.KEYCLOAK, "/realm_access/roles", "data-engineer", "admin"),
        (provider.KEYCLOAK, "/resource_access/presign/roles", "uploader", "reader"),
        (provider.KEYCLOAK, "/email_verified", True, "true"),
        (provider.ENTRA, "/groups", provider.GROUP, "finance"),
        (provider.ENTRA, "/roles", "Files.Upload", "files.upload"),
        (provider.OKTA, "/groups", "Finance", "finance"),
        (provider.AUTH0, "/https:~1~1acme.com~1roles", "finance", "sales"),
        (provider.COGNITO, "/cognito:groups", "finance", "sales"),
        (provider.GITHUB, "/repository_id", "74", 74),
        (provider.GITHUB, "/repository", "acme/shop", "acme"),
        (provider.GITLAB, "/project_id", "20", 20),
        (provider.TERRAFORM, "/terraform_organization_id", "org-GRNbCjYNpBB6NEBv", "acme"),
        (provider.CIRCLECI, "/oidc.circleci.com~1project-id", "2a", "3b"),
        (provider.BITBUCKET, "/branchName", "main", "dev"),
        (provider.GOOGLE, "/email", "job@acme.iam.gserviceaccount.com", "job"),
        (provider.KUBERNETES, "/kubernetes.io/namespace", "billing", "sales"),
    ],
)
def test_a_providers_token_has_the_fact_and_no_other(
    claims: provider.Claims, pointer: str, value: ClaimValue, other: ClaimValue
) -> None:
    identity = identify(claims, (pointer, value), (pointer, other))
    assert identity.facts == {fact(pointer, value)}
    assert not identity.claims_left_out


def test_groups_that_entra_left_out_are_no_guess() -> None:
    identity = identify(provider.ENTRA_WITHOUT_GROUPS, ("/groups", provider.GROUP))
    assert identity.facts == frozenset()
    assert identity.claims_left_out
    assert not identify(provider.ENTRA_WITHOUT_GROUPS, ("/roles", "Files.Upload")).claims_left_out


@pytest.mark.parametrize(("groups", "accepted"), [(200, True), (10_000, False)])
def test_a_token_with_entras_most_groups_is_accepted(groups: int, *, accepted: bool) -> None:
    """Entra ID leaves the groups out if there are more than 200."""
    ids = [f"{n:08x}-2a4b-4c8d-9e10-111213141516" for n in range(groups)]
    claims: dict[str, Any] = {**provider.ENTRA, "groups": ids, "aud": ISSUER.audiences[0]}
    named = NamedClaims(facts=frozenset({fact("/groups", ids[-1])}))
    issuer = replace(ISSUER, issuer=claims["iss"], named=named)
    token = make_token(rsa_key(), alg="RS256", **claims)
    verified = verify(token, issuer=issuer, key=verification_key(rsa_key()))
    assert (verified is not None) is accepted is (len(token) <= MAX_TOKEN_LENGTH)
    if verified is not None:
        assert verified.identity.facts == {fact("/groups", ids[-1])}
