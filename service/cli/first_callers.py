"""Callers with tokens that `presign init` offers: Kubernetes, GitHub Actions, people. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

IN_CLUSTER: Final = "https://kubernetes.default.svc.cluster.local"
GITHUB: Final = "https://token.actions.githubusercontent.com"
AUDIENCE: Final = "presign"
_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
OF_POD: Final = {"ca_file": f"{_ACCOUNT}/ca.crt", "bearer_file": f"{_ACCOUNT}/token"}


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
