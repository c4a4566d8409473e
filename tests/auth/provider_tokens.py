"""Claims in the shape of each provider's tokens, from its documentation. Names are invented."""

from collections.abc import Mapping
from typing import Any, Final

GROUP: Final = "0f3c1f6e-2a4b-4c8d-9e10-111213141516"  # Entra ID writes the ids of groups
Claims = Mapping[str, Any]

# keycloak.org/docs/latest/server_admin: "Group Membership" mapper, realm and client roles
KEYCLOAK: Final[Claims] = {
    "iss": "https://sso.acme.com/realms/acme",
    "sub": "f1b7a1c2-5d3e-4f60-8a9b-0c1d2e3f4a5b",
    "aud": ["presign", "account"],
    "typ": "Bearer",
    "azp": "presign-console",
    "realm_access": {"roles": ["offline_access", "data-engineer"]},
    "resource_access": {"presign": {"roles": ["uploader"]}},
    "groups": ["/finance", "/finance/audit"],
    "email_verified": True,
    "preferred_username": "ann",
}
# learn.microsoft.com/entra/identity-platform/access-token-claims-reference
ENTRA: Final[Claims] = {
    "iss": "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/v2.0",
    "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
    "aud": "00000000-0000-0000-0000-00000000aaaa",
    "tid": "00000000-0000-0000-0000-000000000001",
    "oid": "00000000-0000-0000-66f3-3332eca7ea81",
    "groups": [GROUP, "9d0f1b1e-0000-4c8d-9e10-111213141516"],
    "roles": ["Files.Upload"],
    "ver": "2.0",
}
# the same page, "Groups overage claim"
ENTRA_WITHOUT_GROUPS: Final[Claims] = {
    **{name: value for name, value in ENTRA.items() if name != "groups"},
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {
        "src1": {"endpoint": "https://graph.microsoft.com/v1.0/users/x/getMemberObjects"}
    },
}
# developer.okta.com/docs/guides/customize-tokens-groups-claim
OKTA: Final[Claims] = {
    "iss": "https://acme.okta.com/oauth2/default",
    "sub": "ann@acme.com",
    "aud": "api://presign",
    "uid": "00uid4BxXw6I6TV4m0g3",
    "scp": ["openid"],
    "groups": ["Everyone", "Finance"],
}
# auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims: namespaced names
AUTH0: Final[Claims] = {
    "iss": "https://acme.eu.auth0.com/",
    "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
    "aud": ["presign", "https://acme.eu.auth0.com/userinfo"],
    "https://acme.com/roles": ["finance"],
    "permissions": ["upload:files"],
}
# docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
COGNITO: Final[Claims] = {
    "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example",
    "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    "aud": "xxxxxxxxxxxxexample",
    "cognito:groups": ["finance"],
    "token_use": "id",
    "email_verified": True,
}
# docs.github.com/actions/reference/security/oidc
GITHUB: Final[Claims] = {
    "iss": "https://token.actions.githubusercontent.com",
    "sub": "repo:acme@1234567/shop@74:ref:refs/heads/main",
    "aud": "presign.acme.com",
    "repository": "acme/shop",
    "repository_id": "74",
    "repository_owner": "acme",
    "repository_owner_id": "1234567",
    "ref": "refs/heads/main",
    "environment": "prod",
}
# docs.gitlab.com/ci/secrets/id_token_authentication
GITLAB: Final[Claims] = {
    "iss": "https://gitlab.com",
    "sub": "project_path:acme/shop:ref_type:branch:ref:main",
    "aud": "presign.acme.com",
    "namespace_id": "72",
    "namespace_path": "acme",
    "project_id": "20",
    "ref_protected": "true",
}
# developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens
TERRAFORM: Final[Claims] = {
    "iss": "https://app.terraform.io",
    "sub": "organization:acme:project:web:workspace:prod:run_phase:apply",
    "aud": "presign.acme.com",
    "terraform_organization_id": "org-GRNbCjYNpBB6NEBv",
    "terraform_run_phase": "apply",
}
# circleci.com/docs/guides/permissions-authentication/openid-connect-tokens
CIRCLECI: Final[Claims] = {
    "iss": "https://oidc.circleci.com/org/1d0e7b1c-0000-4000-8000-000000000001",
    "sub": "org/1d0e7b1c-0000-4000-8000-000000000001/project/2a/user/3b",
    "aud": "1d0e7b1c-0000-4000-8000-000000000001",
    "oidc.circleci.com/project-id": "2a",
}
# support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc
BITBUCKET: Final[Claims] = {
    "iss": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
    "sub": "{c04a1f2f-1111-4000-8000-000000000001}:{7b}",
    "aud": "ari:cloud:bitbucket::workspace/1d",
    "repositoryUuid": "{c04a1f2f-1111-4000-8000-000000000001}",
    "branchName": "main",
}
# cloud.google.com/docs/authentication/token-types#id
GOOGLE: Final[Claims] = {
    "iss": "https://accounts.google.com",
    "sub": "113774264463038321964",
    "aud": "presign",
    "email": "job@acme.iam.gserviceaccount.com",
    "email_verified": True,
}
# learn.microsoft.com/azure/devops/pipelines/release/configure-workload-identity
AZURE_DEVOPS: Final[Claims] = {
    "iss": "https://vstoken.dev.azure.com/11111111-0000-4000-8000-000000000001",
    "sub": "sc://acme/shop/presign",
    "aud": "api://AzureADTokenExchange",
}
# kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin
KUBERNETES: Final[Claims] = {
    "iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
    "sub": "system:serviceaccount:billing:api",
    "aud": ["presign"],
    "kubernetes.io": {
        "namespace": "billing",
        "serviceaccount": {"name": "api", "uid": "df2a"},
        "pod": {"name": "api-1", "uid": "33c0"},
    },
}
