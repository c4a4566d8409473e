"""What `presign check` says of wide and narrow subjects at the issuers that it knows."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from service.cli.check.known_issuers import KNOWN_ISSUERS, known_issuer
from tests.auth import provider_tokens as provider
from tests.cli.check.test_callers import ISSUER, check, document, grant

GITHUB: Final = str(provider.GITHUB["iss"])
GITLAB: Final = str(provider.GITLAB["iss"])
TERRAFORM: Final = str(provider.TERRAFORM["iss"])
GOOGLE: Final = str(provider.GOOGLE["iss"])
EKS: Final = str(provider.KUBERNETES["iss"])
DUAL_STACK_EKS: Final = EKS.replace("oidc.eks", "oidc-eks").replace("amazonaws.com", "api.aws")
ENTRA: Final = str(provider.ENTRA["iss"])
KEYCLOAK: Final = str(provider.KEYCLOAK["iss"])
OKTA: Final = str(provider.OKTA["iss"])
COGNITO: Final = str(provider.COGNITO["iss"])
CIRCLECI: Final = str(provider.CIRCLECI["iss"])
BITBUCKET: Final = str(provider.BITBUCKET["iss"])
AZURE: Final = str(provider.AZURE_DEVOPS["iss"])
OWN_ID: Final = {"/repository_owner_id": "1234567"}


def checked(
    directory: Path, iss: str, prefix: str = "a/", **entry: Any
) -> tuple[int, list[str], str]:
    """Return the exit code, the places of the warnings and errors of the entry, and the output."""
    caller = {"issuer": "people", **entry, "grants": [grant(prefix, "list")]}
    done = check(directory, document(caller, issuers={"people": {**ISSUER, "issuer": iss}}))
    found = re.findall(
        r"^(warning: )?\S+presign.yaml:\d+: ([^ ]+): (.*)$", done.output, re.MULTILINE
    )
    places = [f"{'warning' if warned else 'error'} {at}" for warned, at, _ in found]
    return done.exit_code, places, done.output


@pytest.mark.parametrize(
    ("iss", "subject", "kinds"),
    [
        (GITHUB, "*", "error warning"),
        (GITHUB, "repo:*", "error"),
        (GITHUB, "repo:*:ref:refs/heads/main", "error"),
        (GITHUB, "repo:acme*", "error"),
        (GITHUB, "repo:acme*/shop:*:*", "error"),
        (GITHUB, "repo:acme@123*/shop@4:*", "error"),
        (GITHUB, "repo:*/shop:ref:refs/heads/main", "error"),
        (GITHUB, "environment:prod", "error"),
        (GITHUB, "ref:refs/heads/main:environment:*", "error"),
        (GITHUB, "repository_owner:*", "error"),
        (GITHUB, "repo:acme@1234567/*:ref:refs/heads/main", ""),
        (GITHUB, "repo:acme/*:ref:refs/heads/main", "warning"),  # not those since July 2026
        (GITHUB, "repository_owner_id:1234567:environment:prod", ""),
        (GITHUB, "environment:prod:repository_owner:acme", ""),
        (GITLAB, "*", "error warning"),
        (GITLAB, "project_path:*:ref_type:branch:ref:main", "error"),
        (GITLAB, "project_path:acme*:ref_type:branch:ref:main", "error"),
        (GITLAB, "project_path:acme/*:ref_type:branch:ref:main", ""),
        (TERRAFORM, "organization:*:project:web:workspace:prod:run_phase:apply", "error"),
        (TERRAFORM, "organization:acme*:project:web:workspace:*:run_phase:*", "error"),
        (TERRAFORM, "organization:acme:project:*:workspace:*:run_phase:apply", ""),
        (GOOGLE, "*", "error warning"),
        (GOOGLE, "113774264463038321964", ""),
        (EKS, "system:serviceaccount:*:api", "warning"),
        (EKS, "system:serviceaccount:billing:*", ""),
        (EKS, "billing:api", "warning"),
        (EKS, "system:*:*:*", "warning"),
        (EKS, "*", "warning warning"),
        (DUAL_STACK_EKS, "billing:api", "warning"),
        (CIRCLECI, "*", "warning"),
        (CIRCLECI, "org/1d0e7b1c/project/2a/*", ""),
        (CIRCLECI, "org/*", "warning"),
        (CIRCLECI, "org/1d0e7b1c/*", "warning"),
        (CIRCLECI, "org/1d0e7b1c/project/*", "warning"),
        (CIRCLECI, "project/2a", "warning"),
        (BITBUCKET, "*", "warning"),
        (BITBUCKET, "{*}", "warning"),
        (BITBUCKET, "{*}:*", "warning"),
        (BITBUCKET, "{c04a*:{env}:*", "warning"),
        (BITBUCKET, "c04a:*", "warning"),
        (BITBUCKET, "{c04a}", "warning"),
        (BITBUCKET, "{c04a}:*", ""),
        (BITBUCKET, "{c04a}:{env}:*", ""),
        (AZURE, "sc://acme/*", ""),
        (AZURE, "acme/*", "warning"),
        (KEYCLOAK, "*", "warning"),
        (ENTRA, "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", ""),
    ],
)
def test_a_subject_is_as_narrow_as_its_issuer_needs(
    tmp_path: Path, iss: str, subject: str, kinds: str
) -> None:
    code, places, output = checked(tmp_path, iss, subject=subject)
    assert sorted(places) == [f"{kind} callers.0.subject" for kind in kinds.split()], output
    assert code == ("error" in kinds)


@pytest.mark.parametrize(
    ("iss", "claims", "kinds"),
    [
        (GITHUB, {"/ref": "refs/heads/main"}, "error /"),
        (GITHUB, OWN_ID, ""),
        (GITHUB, {"/repository": "acme/shop", "/ref": "refs/heads/main"}, ""),
        (GITHUB, {"/repository_id": 74}, "error /repository_id"),
        (GITLAB, {"/ref_protected": "true"}, "error /"),
        (GITLAB, {"/namespace_path": "acme"}, ""),
        (TERRAFORM, {"/terraform_run_phase": "apply"}, "error /"),
        (TERRAFORM, {"/terraform_organization_id": "org-1"}, ""),
        (GOOGLE, {"/hd": "acme.com"}, ""),
        (GOOGLE, {"/email": "ann@acme.com"}, "warning /email"),
        (GOOGLE, {"/email": "ann@acme.com", "/email_verified": True}, ""),
        (KEYCLOAK, {"/email": "ann@acme.com", "/email_verified": "true"}, "warning /email"),
        (KEYCLOAK, {"/preferred_username": "ann"}, "warning /preferred_username"),
        (KEYCLOAK, {"/groups": "/finance"}, ""),
        (ENTRA, {"/upn": "ann@acme.com"}, "warning /upn"),
        (COGNITO, {"/custom:department": "finance"}, "warning /custom:department"),
        (COGNITO, {"/cognito:groups": "finance"}, ""),
    ],
)
def test_a_claim_fixes_the_organization_or_is_reported(
    tmp_path: Path, iss: str, claims: dict[str, Any], kinds: str
) -> None:
    code, places, output = checked(tmp_path, iss, claims=claims)
    kind, _, pointer = kinds.partition(" ")
    at = f"callers.0.claims{'.' if pointer.strip('/') else ''}{pointer.rstrip('/')}"
    assert places == ([f"{kind} {at}"] if kinds else []), output
    assert code == (kind == "error")


@pytest.mark.parametrize(
    ("iss", "entry", "prefix", "kind"),
    [
        (GITHUB, {"claims": OWN_ID}, "{claim:/repository}/", "error"),
        (GITHUB, {"claims": OWN_ID}, "{claim:/sub}/", "error"),
        (GITHUB, {"claims": OWN_ID}, "{claim:/repository_id}/", ""),
        (EKS, {"subject": "system:serviceaccount:a:*"}, "{claim:/sub}/", "error"),
        (EKS, {"subject": "system:serviceaccount:a:*"}, "{claim:/kubernetes.io/namespace}/", ""),
        (OKTA, {"subject": "ann"}, "{claim:/groups}/", "error"),
        (OKTA, {"subject": "ann"}, "{claim:/email}/", "error"),
        (KEYCLOAK, {"subject": "ann"}, "{claim:/iat}/", "error"),
        (KEYCLOAK, {"subject": "ann"}, "{claim:/preferred_username}/", "warning"),
        (KEYCLOAK, {"subject": "ann"}, "{claim:/sub}/", ""),
    ],
)
def test_a_claim_that_never_fits_a_prefix_is_an_error(
    tmp_path: Path, iss: str, entry: dict[str, Any], prefix: str, kind: str
) -> None:
    code, places, output = checked(tmp_path, iss, prefix, **entry)
    assert places == ([f"{kind} callers.0.grants.0.prefix"] if kind else []), output
    assert code == (kind == "error")


def test_the_message_has_the_right_form_and_its_source(tmp_path: Path) -> None:
    *_, output = checked(tmp_path, GITHUB, subject="repo:*")
    assert "everybody on GitHub" in output
    assert "write repo:ORG/… or repo:ORG@ID/…" in output
    assert "https://docs.github.com/en/actions/reference/security/oidc" in output
    *_, output = checked(tmp_path, CIRCLECI, subject="org/*")
    assert "every project that the pattern fits; name one: org/ORGANIZATION_ID/project/" in output
    *_, output = checked(tmp_path, GITHUB, "{claim:/repository}/", claims=OWN_ID)
    assert "use {claim:/repository_id}" in output


@pytest.mark.parametrize(
    ("iss", "words"),
    [
        ("https://login.microsoftonline.com/common/v2.0", "write the id of your tenant"),
        ("https://acme.okta.com", "use a custom one"),
        ("https://acme.eu.auth0.com", "ends in a slash"),
    ],
)
def test_an_issuer_whose_tokens_never_fit_is_reported(tmp_path: Path, iss: str, words: str) -> None:
    code, places, output = checked(tmp_path, iss, subject="ann")
    assert (code, places) == (0, ["warning issuers.people.issuer"])
    assert words in output


def test_both_forms_of_githubs_subjects_need_no_warning(tmp_path: Path) -> None:
    callers = [
        {
            "issuer": "people",
            "subject": subject,
            "grants": [grant("a/", "list")],
            "rate_limit": "9/minute",
        }
        for subject in ("repo:acme/*:ref:refs/heads/main", "repo:acme@1/*:ref:refs/heads/main")
    ]
    issuers = {"people": {**ISSUER, "issuer": GITHUB}}
    assert check(tmp_path, document(*callers, issuers=issuers), "--strict").exit_code == 0


def test_each_row_has_a_source_and_each_provider_a_row() -> None:
    assert all(each.source.startswith("https://") for each in KNOWN_ISSUERS)
    found = vars(provider).values()
    tokens: list[Any] = [each for each in found if isinstance(each, dict) and "iss" in each]
    assert len(tokens) > 10
    assert [each["iss"] for each in tokens if known_issuer(each["iss"]) is None] == []
    for own in ("https://gitlab.acme.com", "https://sso.acme.com", "https://i.example"):
        assert known_issuer(own) is None
