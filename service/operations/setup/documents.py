"""All that an operator sets up for a configuration, as one JSON document. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

from service.access.grants import Operation
from service.errors import ConfigurationError, ConfigurationProblem
from service.operations.setup import policies
from service.operations.setup.signing import SignedBucket

Document = dict[str, Any]
RoleBuckets = Mapping[str, Sequence[SignedBucket]]

_IDENTITY_POLICY: Final = "assume-signing-roles"
_SIGNING_POLICY: Final = "sign"
# The least that a role's maximum can be: …/IAM/latest/APIReference/API_CreateRole.html. It is also
# the most that a session has if a role assumes the role: …/IAM/latest/UserGuide/id_roles.html
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
    "x-amz-copy-source*",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IamContext:
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


def setup(buckets: Sequence[SignedBucket], around: IamContext) -> Document:
    """Return the roles, the service's identity, the users with static keys, and the buckets.

    Raises ConfigurationError if no trust policy can suit the buckets of a role.
    """
    roles = dict[str, list[SignedBucket]]()
    stores = dict[tuple[str | None, str], list[SignedBucket]]()
    users = dict[tuple[str | None, tuple[str, ...]], list[SignedBucket]]()
    for bucket in buckets:
        match bucket.credentials:
            case "assume_role" | "web_identity":
                assert bucket.role_arn is not None  # the settings demand it
                roles.setdefault(bucket.role_arn, []).append(bucket)
            case "static":
                users.setdefault(_user_of(bucket, around), []).append(bucket)
            case "r2":
                pass  # IAM knows neither its parent nor its tokens
            case _:
                assert_never(bucket.credentials)
        if not bucket.is_access_point:
            store = None if bucket.is_at_aws else bucket.endpoint_url
            stores.setdefault((store, bucket.s3_bucket), []).append(bucket)
    assumed = {arn: keyed for arn, of_role in roles.items() if (keyed := _by_keys(of_role))}
    identity = around.principal or _default_identity(assumed)
    return {
        "roles": [_role(arn, of_role, identity, around) for arn, of_role in roles.items()],
        "service_identity": _identity(identity, assumed),
        "users": [_user(signed, around) for signed in users.values()],
        "buckets": [_bucket(same, around) for same in stores.values()],
        **({"cloudfront": of_cloudfront} if (of_cloudfront := [*_deliveries(buckets)]) else {}),
        "notes": [*_notes(buckets, identity, around)],
    }


def _user_of(bucket: SignedBucket, around: IamContext) -> tuple[str | None, tuple[str, ...]]:
    """Return what is equal for all buckets of one user. At AWS `principal` names the only one."""
    if bucket.is_at_aws and around.principal is not None:
        return None, ()
    return bucket.endpoint_url, bucket.static_keys


def _by_keys(buckets: Sequence[SignedBucket]) -> list[SignedBucket]:
    """Return the buckets whose role is assumed with keys. Pods with a web identity need none."""
    return [each for each in buckets if each.kind.role_trusts == "service"]


def _default_identity(assumed: RoleBuckets) -> str | None:
    """Return the role `presign-service` in the account of the first role that is assumed."""
    if not assumed:
        return None
    account, _, _ = next(iter(assumed)).partition(":role/")
    return f"{account}:role/presign-service"


def _role(
    arn: str, buckets: Sequence[SignedBucket], identity: str | None, around: IamContext
) -> Document:
    keyed, statements = _by_keys(buckets), []
    _check_external_ids(arn, keyed)
    if keyed and identity is not None:
        statements += policies.trust_of_service(identity, keyed)
    if len(keyed) < len(buckets) and around.oidc_provider is not None:
        subject = f"system:serviceaccount:{around.service_account}"
        statements.append(policies.trust_of_pods(around.oidc_provider, subject, arn))
    return {
        "arn": arn,
        "max_session_duration": int(max(_HOUR, *(each.session_seconds for each in buckets))),
        "trust_policy": {"Version": "2012-10-17", "Statement": statements},
        "policies": {_SIGNING_POLICY: policies.permissions(buckets)},
    }


def _check_external_ids(arn: str, buckets: Sequence[SignedBucket]) -> None:
    """Refuse a role that only some buckets assume with an ExternalId.

    A request may satisfy any statement of a trust policy, and names no bucket. So a statement for
    requests without an ExternalId lets a confused deputy leave it out, and the other statement
    protects nothing: docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html.
    """
    having = [each.name for each in buckets if each.external_id is not None]
    lacking = [each.name for each in buckets if each.external_id is None]
    if having and lacking:
        text = (
            f"assumes {arn} without the external_id that bucket {having[0]} has: a role that can "
            "be assumed without it is not protected by it; give it to all buckets of the role, or "
            "to none"
        )
        raise ConfigurationError(
            [ConfigurationProblem(text, ("buckets", name)) for name in lacking]
        )


def _identity(arn: str | None, assumed: RoleBuckets) -> Document | None:
    """Return what the service runs as, with the permission to assume the roles."""
    if arn is None or not assumed:
        return None
    return {"arn": arn, "policies": {_IDENTITY_POLICY: policies.identity(assumed)}}


def _user(buckets: Sequence[SignedBucket], around: IamContext) -> Document:
    """Return the user whose static keys sign for these buckets of one store."""
    is_known = around.principal is not None and buckets[0].is_at_aws
    return {
        **({"arn": around.principal} if is_known else {}),
        "buckets": [each.name for each in buckets],
        "policies": {_SIGNING_POLICY: policies.permissions(buckets)},
    }


def _bucket(buckets: Sequence[SignedBucket], around: IamContext) -> Document:
    """Return the settings of one bucket. `buckets` are its names in the configuration."""
    first = buckets[0]
    principals = dict.fromkeys(each.role_arn or around.principal for each in buckets)
    named = [each for each in principals if each is not None]
    takes_parts = any(Operation.MULTIPART in each.allowed for each in buckets)
    rails = policies.guard_rails(buckets, named, around.networks, around.vpcs)
    if delivered := [*dict.fromkeys(each.distribution for each in buckets if each.distribution)]:
        rails["Statement"].append(policies.delivered(first, delivered))
    return {
        "bucket": first.s3_bucket,
        **({} if first.endpoint_url is None else {"endpoint_url": first.endpoint_url}),
        # Other stores may not support the condition keys.
        **({"policy": rails} if first.is_at_aws else {}),
        **({"cors": {"CORSRules": rules}} if (rules := [*cors_rules(buckets)]) else {}),
        **({"lifecycle": {"Rules": [_ABORT]}} if takes_parts else {}),
    }


def _deliveries(buckets: Sequence[SignedBucket]) -> Iterator[Document]:
    """Yield what each distribution needs besides its bucket's policy."""
    distributions = dict[str, list[SignedBucket]]()
    for each in buckets:
        if each.distribution is not None:
            distributions.setdefault(each.distribution, []).append(each)
    for arn, delivered in distributions.items():
        name = f"presign-{delivered[0].name}"
        keys = dict.fromkeys(key for each in delivered for key in each.delivery_keys)
        yield {
            "distribution": arn,
            "origin_access_control": {
                "Name": name,
                "OriginAccessControlOriginType": "s3",
                "SigningBehavior": "always",
                "SigningProtocol": "sigv4",
            },
            "key_group": {"Name": name, "Items": [*keys]},
        }


_ABORT: Final = {
    "ID": "abort-incomplete-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}


def cors_rules(buckets: Sequence[SignedBucket]) -> Iterator[Document]:
    """Yield the rule for pages, if there are any.

    Uppy may list, complete and abort uploads. The console deletes objects.
    """
    origins = list(dict.fromkeys(origin for each in buckets for origin in each.origins))
    allowed = frozenset[Operation]().union(*(each.allowed for each in buckets))
    is_for_uppy = any(each.is_for_uppy for each in buckets)
    is_deleted_from = Operation.DELETE in allowed and any(each.is_in_console for each in buckets)
    methods = [
        *(["GET", "HEAD"] if is_for_uppy or not _READ.isdisjoint(allowed) else []),
        *(["PUT"] if not _UPLOADED_BY_PUT.isdisjoint(allowed) else []),
        *(["POST"] if is_for_uppy or Operation.FORM in allowed else []),
        *(["DELETE"] if is_for_uppy or is_deleted_from else []),
    ]
    if origins and methods:
        yield {
            "ID": "pages-of-ours",
            "AllowedOrigins": origins,
            "AllowedMethods": methods,
            "AllowedHeaders": [*_PAGES_MAY_SEND, *(["x-amz-*"] if is_for_uppy else [])],
            "ExposeHeaders": ["ETag", *(["Location"] if is_for_uppy else [])],
            "MaxAgeSeconds": _HOUR,
        }


def _notes(
    buckets: Sequence[SignedBucket], identity: str | None, around: IamContext
) -> Iterator[str]:
    """Yield what is a guess, and what is left out."""
    if around.principal is None and identity is not None:
        yield f"{identity} is a guess; name what the service runs as with --principal"
    for each in buckets:
        yield from (f"bucket {each.name}: {note}" for note in _notes_of(each, identity, around))


def _notes_of(bucket: SignedBucket, identity: str | None, around: IamContext) -> Iterator[str]:
    if bucket.is_access_point:
        yield (
            "an access point; the policy, the CORS rules and the lifecycle rule of the bucket "
            "behind it are left out"
        )
    elif bucket.kind.has_tokens:
        yield (
            "at R2, so no role and no user of IAM: make an R2 API token, Object Read & Write of "
            "this bucket alone, at Cloudflare: see docs/r2.md"
        )
    elif not bucket.is_at_aws:
        yield "not at AWS, so its guard rails are left out"
    elif not bucket.kind.has_sessions and around.principal is None:
        yield "its policy only demands TLS; name the user with the static keys with --principal"
    is_chained = ":role/" in (identity or "") and bool(_by_keys([bucket]))
    if bucket.is_at_aws and is_chained and bucket.session_seconds > _HOUR:
        yield "AWS limits a session to an hour if a role assumes the role; lower session_seconds"
    key = None if bucket.encryption is None else bucket.encryption.kms_key_id
    if bucket.distribution is not None and key is not None:
        yield (
            "the policy of its KMS key must allow kms:Decrypt to cloudfront.amazonaws.com, with "
            f"aws:SourceArn {bucket.distribution}"
        )
    if not bucket.grants:
        yield "no caller may use it, so nothing is allowed"
