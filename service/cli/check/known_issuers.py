"""The issuers that `presign check` knows: one table, each row with its source. Pure.

A row says whether all organizations share the `iss`, what then fixes one of them, and which claims
can never be part of a prefix.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

_ANY: Final = re.compile("")
_ENTRY: Final = "a claims entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIssuer:
    """`iss` matches the issuer as a whole, and `source` is the vendor's page about its tokens.

    If `admits` is set, it says who gets a token of this `iss`. Then one of the claims `fixing` or a
    subject that `fixed` matches says which organization. `starts` is how all subjects begin.
    `narrow` is what an organization has many of, such as a namespace; a subject that `named`
    matches is for one. `right` is how to write such a subject. `unfit` are claims that no prefix
    can have, and what to use instead. `warning` is about the issuer itself. `keys` is the URL of
    its keys, in which `{iss}` is its `iss` without a slash at the end and without `/v2.0`.
    """

    name: str
    iss: str
    source: str
    admits: str | None = None
    fixed: re.Pattern[str] = _ANY
    fixing: frozenset[str] = frozenset()
    right: str = ""
    starts: str = ""
    narrow: str | None = None
    named: re.Pattern[str] = _ANY
    unfit: Mapping[str, str] = field(default_factory=dict)
    self_set: tuple[str, ...] = ()
    warning: str | None = None
    keys: str | None = None


_GUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CLUSTER: Final = KnownIssuer(
    name="Kubernetes",
    iss=r"https://kubernetes\.default(?:\.svc.*)?",
    keys="https://kubernetes.default.svc/openid/v1/jwks",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/"
    "configure-service-account/#service-account-issuer-discovery",
    starts="system:serviceaccount:",
    narrow="namespace",
    named=re.compile(r"system:serviceaccount:[^:*]+:.*"),
    right="system:serviceaccount:NAMESPACE:…",
    unfit={"/sub": "/kubernetes.io/namespace"},
)

KNOWN_ISSUERS: Final = (
    KnownIssuer(
        name="GitHub Actions",
        keys="{iss}/.well-known/jwks",
        iss=r"https://token\.actions\.githubusercontent\.com",
        source="https://docs.github.com/en/actions/reference/security/oidc",
        admits="everybody on GitHub",
        # A repository can put other claims into its subject, each as `name:value`.
        fixed=re.compile(
            r"(?:[^:]*:)*(?:repo:[^:*/]+/[^:]*"
            r"|(?:repository_id|repository_owner|repository_owner_id):[^:*]+"
            r"|repository:[^:*/]+/[^:]*)(?::.*)?"
        ),
        fixing=frozenset(
            {"/repository_id", "/repository_owner_id", "/repository", "/repository_owner"}
        ),
        right='repo:ORG/… or repo:ORG@ID/…, or claims such as {/repository_owner_id: "1234567"}',
        unfit={
            "/sub": "/repository_id",
            "/repository": "/repository_id",
            "/ref": _ENTRY,
            "/workflow_ref": _ENTRY,
            "/job_workflow_ref": _ENTRY,
        },
    ),
    KnownIssuer(
        name="GitLab",
        iss=r"https://gitlab\.com",
        source="https://docs.gitlab.com/ci/secrets/id_token_authentication/",
        admits="everybody on gitlab.com",
        fixed=re.compile(r"project_path:[^:*/]+/[^:]*(?::.*)?"),
        fixing=frozenset({"/namespace_id", "/namespace_path", "/project_id", "/project_path"}),
        right='project_path:GROUP/…, or claims such as {/namespace_id: "72"}',
        unfit={"/sub": "/project_id", "/project_path": "/project_id", "/ref_path": _ENTRY},
    ),
    KnownIssuer(
        name="Terraform Cloud",
        iss=r"https://app\.(?:eu\.)?terraform\.io",
        source="https://developer.hashicorp.com/terraform/cloud-docs/workspaces/"
        "dynamic-provider-credentials/workload-identity-tokens",
        admits="everybody on HCP Terraform",
        fixed=re.compile(r"organization:[^:*]+(?::.*)?"),
        fixing=frozenset(
            {
                *("/terraform_organization_id", "/terraform_organization_name"),
                *("/terraform_project_id", "/terraform_workspace_id"),
            }
        ),
        right="organization:ORG:…, or claims such as {/terraform_organization_id: org-…}",
        unfit={
            "/sub": "/terraform_workspace_id",
            "/terraform_full_workspace": "/terraform_workspace_id",
        },
    ),
    KnownIssuer(
        name="Bitbucket",
        iss=r"https://api\.bitbucket\.org/2\.0/workspaces/[^/]+/pipelines-config/identity/oidc",
        source="https://support.atlassian.com/bitbucket-cloud/docs/"
        "integrate-pipelines-with-resource-servers-using-oidc/",
        starts="{",  # a UUID is in braces
        narrow="repository",
        named=re.compile(r"\{[^{}:*]+\}:.*"),
        right="{REPOSITORY_UUID}:*, or {REPOSITORY_UUID}:{ENVIRONMENT_UUID}:* for a deployment",
        unfit=dict.fromkeys(
            ("/sub", "/repositoryUuid", "/workspaceUuid", "/pipelineUuid", "/stepUuid"), _ENTRY
        ),
    ),
    KnownIssuer(
        name="CircleCI",
        iss=r"https://oidc\.circleci\.com/org/[^/]+",
        source="https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/",
        starts="org/",
        narrow="project",
        named=re.compile(r"org/[^/:*]+/project/[^/:*]+(?:/.*)?"),
        right="org/ORGANIZATION_ID/project/PROJECT_ID/*",
        unfit={"/sub": "/oidc.circleci.com~1project-id"},
    ),
    KnownIssuer(
        name="Google",
        keys="https://www.googleapis.com/oauth2/v3/certs",
        iss=r"https://accounts\.google\.com",
        source="https://developers.google.com/identity/openid-connect/openid-connect",
        admits="everybody with a Google account",
        fixed=re.compile(r"[^*]+"),
        fixing=frozenset({"/hd", "/email"}),
        right="the number of one account, or claims such as {/hd: acme.com}",
    ),
    KnownIssuer(
        name="Azure DevOps",
        iss=rf"https://vstoken\.dev\.azure\.com/{_GUID}",
        source="https://learn.microsoft.com/azure/devops/pipelines/release/"
        "configure-workload-identity",
        starts="sc://",
        unfit={"/sub": _ENTRY},
    ),
    replace(
        _CLUSTER,
        name="EKS",
        keys="{iss}/keys",
        iss=r"https://oidc(?:\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?|-eks\.[a-z0-9-]+\.api\.aws)"
        r"/id/[A-Z0-9]+",
        source="https://docs.aws.amazon.com/eks/latest/userguide/service-accounts.html",
    ),
    _CLUSTER,
    replace(
        _CLUSTER,
        keys=None,
        iss=r"https://container\.googleapis\.com/v1/projects/.*"
        r"|https://[a-z0-9-]+\.oic\.prod-aks\.azure\.com/.*",
        source="https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/",
    ),
    KnownIssuer(
        name="Entra ID, personal accounts",
        iss=r"https://login\.microsoftonline\.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2\.0",
        source="https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference",
        admits="everybody with a Microsoft account",
        fixed=re.compile(r"[^*]+"),
        right="the subject of one account",
    ),
    KnownIssuer(
        name="Entra ID",
        iss=r"https://login\.microsoftonline\.(?:com|us)/(?:common|organizations|consumers)/v2\.0",
        source="https://learn.microsoft.com/entra/identity-platform/access-tokens",
        warning="no token has this `iss`: write the id of your tenant in its place",
    ),
    KnownIssuer(
        name="Entra ID",
        iss=rf"https://(?:login\.microsoftonline\.(?:com|us)/{_GUID}/v2\.0"
        rf"|sts\.windows\.net/{_GUID}/)",
        keys="{iss}/discovery/v2.0/keys",
        source="https://learn.microsoft.com/entra/identity-platform/claims-validation",
        unfit={"/groups": _ENTRY, "/roles": _ENTRY},
        self_set=("/upn", "/unique_name"),
    ),
    KnownIssuer(
        name="Okta",
        iss=r"https://[a-z0-9-]+\.(?:okta|oktapreview|okta-emea)\.com",
        source="https://developer.okta.com/docs/concepts/auth-servers/",
        warning="tokens of the org authorization server are for Okta alone: use a custom one, such "
        "as https://acme.okta.com/oauth2/default",
    ),
    KnownIssuer(
        name="Okta",
        keys="{iss}/v1/keys",
        iss=r"https://[a-z0-9-]+\.(?:okta|oktapreview|okta-emea)\.com/oauth2/[^/]+",
        source="https://developer.okta.com/docs/guides/customize-tokens-groups-claim/",
        unfit={"/sub": "/uid", "/groups": _ENTRY},
    ),
    KnownIssuer(
        name="Auth0",
        iss=r"https://[a-z0-9.-]+\.auth0\.com",
        source="https://auth0.com/docs/secure/tokens/id-tokens/validate-id-tokens",
        warning="no token has this `iss`: that of Auth0 ends in a slash",
    ),
    KnownIssuer(
        name="Auth0",
        keys="{iss}/.well-known/jwks.json",
        iss=r"https://[a-z0-9.-]+\.auth0\.com/",
        source="https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims",
        unfit={"/sub": _ENTRY},
    ),
    KnownIssuer(
        name="Cognito",
        keys="{iss}/.well-known/jwks.json",
        iss=r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/[\w-]+",
        source="https://docs.aws.amazon.com/cognito/latest/developerguide/"
        "user-pool-settings-attributes.html",
        unfit={"/cognito:groups": _ENTRY},
        self_set=("/custom:",),
    ),
    KnownIssuer(
        name="Keycloak",
        iss=r"https?://.+/realms/[^/]+",
        keys="{iss}/protocol/openid-connect/certs",
        source="https://www.keycloak.org/docs/latest/server_admin/",
        unfit={"/groups": _ENTRY, "/realm_access/roles": _ENTRY},
    ),
)


def known_issuer(iss: str) -> KnownIssuer | None:
    """Return the row of an `iss`, or None."""
    return next((issuer for issuer in KNOWN_ISSUERS if re.fullmatch(issuer.iss, iss)), None)


def keys_url(iss: str) -> str | None:
    """Return where the keys of an `iss` are, if its row says so."""
    known = known_issuer(iss)
    if known is None or known.keys is None:
        return None
    return known.keys.format(iss=iss.removesuffix("/v2.0").removesuffix("/"))
