"""All that an operator sets up for a configuration, as one JSON document. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.access.grants import Operation
from service.operations.setup import policies
from service.operations.setup.signing import SignedBucket

Document = dict[str, Any]
RoleBuckets = Mapping[str, Sequence[SignedBucket]]

IDENTITY_POLICY: Final = "assume-signing-roles"
SIGNING_POLICY: Final = "sign"
ABORTED_AFTER_DAYS: Final = 7
# IAM lets every role last this long: …/IAM/latest/APIReference/API_CreateRole.html
_SHORTEST_MAXIMUM: Final = 3600
_HOUR: Final = 3600
_UPLOADED_BY_PUT: Final = frozenset({Operation.UPLOAD, Operation.MULTIPART})
_READ: Final = frozenset({Operation.DOWNLOAD, Operation.HEAD})
# The headers that the service's answers list for clients to send, and `range`.
_PAGES_MAY_SEND: Final = (
    "content-type",
    "content-disposition",
    "content-encoding",
    "cache-control",
    "if-match",
    "if-none-match",
    "range",
    "x-amz-checksum-*",
    "x-amz-meta-*",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-tagging",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a configuration does not say.

    `principal` is the ARN that the service runs as. `oidc_provider` is the cluster's issuer without
    `https://`, and `service_account` the Pods' account as NAMESPACE:NAME, both for web identities.
    URLs work from `networks`, as CIDR, and from `vpcs`; without both from anywhere.
    """

    principal: str | None = None
    oidc_provider: str | None = None
    service_account: str = "presign:presign"
    networks: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()


def setup(buckets: Sequence[SignedBucket], around: Surroundings) -> Document:
    """Return the roles, the service's identity, the users with static keys, and the buckets."""
    roles = dict[str, list[SignedBucket]]()
    stores = dict[tuple[str | None, str], list[SignedBucket]]()
    users = dict[str | None, list[SignedBucket]]()
    for bucket in buckets:
        if bucket.role_arn is None:
            users.setdefault(bucket.endpoint_url, []).append(bucket)
        else:
            roles.setdefault(bucket.role_arn, []).append(bucket)
        if not bucket.is_access_point:
            stores.setdefault((bucket.endpoint_url, bucket.s3_bucket), []).append(bucket)
    return {
        "roles": [_role(arn, of_role, around) for arn, of_role in roles.items()],
        "service_identity": _identity(roles, around),
        "users": [_user(of_store, around) for of_store in users.values()],
        "buckets": [_bucket(same, around) for same in stores.values()],
        "notes": [*_notes(buckets, roles, around)],
    }


def identity_of(roles: RoleBuckets, around: Surroundings) -> str:
    """Return the ARN that the service runs as, by default a role next to the first one."""
    if around.principal is not None:
        return around.principal
    partition, account = next(iter(roles)).split(":")[1:5:3]
    return f"arn:{partition}:iam::{account}:role/presign-service"


def _role(arn: str, buckets: Sequence[SignedBucket], around: Surroundings) -> Document:
    by_keys = [each for each in buckets if each.credentials == "assume_role"]
    statements = []
    if by_keys:
        service = identity_of({arn: by_keys}, around)
        statements += policies.trust_of_service(service, by_keys)
    if len(by_keys) < len(buckets) and around.oidc_provider is not None:
        subject = f"system:serviceaccount:{around.service_account}"
        statements.append(policies.trust_of_pods(around.oidc_provider, subject, arn))
    return {
        "arn": arn,
        "max_session_duration": int(
            max(_SHORTEST_MAXIMUM, *(each.session_seconds for each in buckets))
        ),
        "trust_policy": {"Version": "2012-10-17", "Statement": statements},
        "policies": {SIGNING_POLICY: policies.permissions(buckets)},
    }


def _identity(roles: RoleBuckets, around: Surroundings) -> Document | None:
    """Return the identity that assumes roles with keys; Pods on EKS need none."""
    assumed = {
        arn: by_keys
        for arn, buckets in roles.items()
        if (by_keys := [each for each in buckets if each.credentials == "assume_role"])
    }
    if not assumed:
        return None
    policy = policies.identity(assumed)
    return {"arn": identity_of(assumed, around), "policies": {IDENTITY_POLICY: policy}}


def _user(buckets: Sequence[SignedBucket], around: Surroundings) -> Document:
    """Return the user whose static keys sign for the buckets of one store."""
    is_known = around.principal is not None and buckets[0].is_at_aws
    return {
        **({"arn": around.principal} if is_known else {}),
        "buckets": [each.name for each in buckets],
        "policies": {SIGNING_POLICY: policies.permissions(buckets)},
    }


def _bucket(buckets: Sequence[SignedBucket], around: Surroundings) -> Document:
    """Return the settings of one bucket. `buckets` are its names in the configuration."""
    first = buckets[0]
    principals = dict.fromkeys(each.role_arn or around.principal for each in buckets)
    named = [each for each in principals if each is not None]
    takes_parts = any(Operation.MULTIPART in each.allowed for each in buckets)
    rails = policies.guard_rails(buckets, named, around.networks, around.vpcs)
    return {
        "bucket": first.s3_bucket,
        **({} if first.endpoint_url is None else {"endpoint_url": first.endpoint_url}),
        # Other stores may not support the condition keys.
        **({"policy": rails} if first.is_at_aws else {}),
        **({"cors": {"CORSRules": rules}} if (rules := [*_cors(buckets)]) else {}),
        **({"lifecycle": {"Rules": [_ABORT]}} if takes_parts else {}),
    }


_ABORT: Final = {
    "ID": "abort-incomplete-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORTED_AFTER_DAYS},
}


def _cors(buckets: Sequence[SignedBucket]) -> Iterator[Document]:
    """Yield the rule for pages, if there are any. Uppy may list, complete and abort uploads."""
    origins = list(dict.fromkeys(origin for each in buckets for origin in each.origins))
    allowed = frozenset[Operation]().union(*(each.allowed for each in buckets))
    is_uppys = any(each.is_uppys for each in buckets)
    methods = [
        *(["GET", "HEAD"] if is_uppys or not _READ.isdisjoint(allowed) else []),
        *(["PUT"] if not _UPLOADED_BY_PUT.isdisjoint(allowed) else []),
        *(["POST"] if is_uppys or Operation.FORM in allowed else []),
        *(["DELETE"] if is_uppys else []),
    ]
    if origins and methods:
        yield {
            "ID": "pages-of-ours",
            "AllowedOrigins": origins,
            "AllowedMethods": methods,
            "AllowedHeaders": [*_PAGES_MAY_SEND, *(["x-amz-*"] if is_uppys else [])],
            "ExposeHeaders": ["ETag", *(["Location"] if is_uppys else [])],
            "MaxAgeSeconds": _HOUR,
        }


def _notes(
    buckets: Sequence[SignedBucket], roles: RoleBuckets, around: Surroundings
) -> Iterator[str]:
    """Yield what is assumed, and what is left out."""
    if around.principal is None and (identity := _identity(roles, around)) is not None:
        yield f"the service is assumed to run as {identity['arn']}: name it with --principal"
    for each in buckets:
        if each.is_access_point:
            yield (
                f"bucket {each.name}: an access point; the policy, the CORS rules and the lifecycle "
                "rule of the bucket behind it are left out"
            )
        elif not each.is_at_aws:
            yield f"bucket {each.name}: not at AWS, so its guard rails are left out"
        elif each.role_arn is None and around.principal is None:
            yield (
                f"bucket {each.name}: its policy only demands TLS; name the user with the static "
                "keys with --principal"
            )
        if not each.grants:
            yield f"bucket {each.name}: no caller may use it, so nothing is allowed"
