"""Callers with tokens that `presign init` offers: Kubernetes, GitHub Actions, people. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

IN_CLUSTER: Final = "https://kubernetes.default.svc.cluster.local"
GITHUB: Final = "https://token.actions.githubusercontent.com"
AUDIENCE: Final = "presign"
_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_IN_CLUSTER: Final = {"ca_file": f"{_ACCOUNT}/ca.crt", "bearer_file": f"{_ACCOUNT}/token"}


class CallerKind(StrEnum):
    API_KEY = "api-key"
    KUBERNETES = "kubernetes"
    GITHUB = "github"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCaller:
    """An issuer, with more of its settings, and which of its tokens are a caller."""

    name: str
    iss: str
    jwks_url: str
    audience: str = AUDIENCE
    more: Mapping[str, str] = field(default_factory=dict)
    subject: str | None = None
    claim: tuple[str, str] | None = None  # a JSON pointer and a value


def service_account(namespace: str, iss: str, jwks_url: str) -> TokenCaller:
    """Return all service accounts of a namespace."""
    return TokenCaller(
        name="cluster",
        iss=iss,
        jwks_url=jwks_url,
        more=_IN_CLUSTER if iss == IN_CLUSTER else {},
        subject=f"system:serviceaccount:{namespace}:*",
    )


def github_organization(owner_id: str) -> TokenCaller:
    """Return all jobs of an organization. Names can change hands, and ids cannot."""
    return TokenCaller(
        name="github",
        iss=GITHUB,
        jwks_url=f"{GITHUB}/.well-known/jwks",
        claim=("/repository_owner_id", owner_id),
    )


def people(group: str, iss: str, jwks_url: str, audience: str) -> TokenCaller:
    """Return the people of a group."""
    return TokenCaller(
        name="people", iss=iss, jwks_url=jwks_url, audience=audience, claim=("/groups", group)
    )
