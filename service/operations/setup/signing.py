"""What a configuration says about who signs for which bucket, as `presign iam` needs it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from service.access.bucket_arns import BucketArns
from service.access.callers import pointers
from service.access.copy_sources import Readable, readable_by_all
from service.access.grants import Grant, Operation
from service.app import builders
from service.app.settings import Settings
from service.config.credential_kinds import CredentialKind, Credentials, kind_of
from service.signing.actions import Encryption
from service.signing.signer import Address

_ACCOUNT: Final = re.compile(r"arn:[^:]*:[^:]*:[^:]*:(\d{12}):.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBucket:
    """A bucket of the configuration, with the grants on it and what signs for it.

    `s3_bucket` is the bucket's real name, or the ARN of an access point. `session_seconds` is
    infinite for static keys, which have no `role_arn`; `static_keys` are where they come from.
    Every upload is signed with `encryption`, whose key is an id, an ARN or an alias.
    `origins` are those of pages that send to the bucket. `readable` is what all callers that upload
    may read. `distribution` is the ARN of the one that delivers it, and `delivery_keys` are the ids
    of the public keys in its key group.
    """

    name: str
    s3_bucket: str
    arns: BucketArns
    region: str
    is_at_aws: bool
    is_scoped: bool
    endpoint_url: str | None
    grants: tuple[Grant, ...]
    readable: Readable | None = None
    credentials: Credentials
    static_keys: tuple[str, ...] = ()
    role_arn: str | None = None
    session_seconds: float = math.inf
    external_id: str | None = None
    session_tags: tuple[str, ...] = ()
    source_identity: bool = False
    encryption: Encryption | None = None
    origins: tuple[str, ...] = ()
    is_for_uppy: bool = False
    is_in_console: bool = False
    distribution: str | None = None
    delivery_keys: tuple[str, ...] = ()

    @property
    def allowed(self) -> frozenset[Operation]:
        return frozenset[Operation]().union(*(grant.allow for grant in self.grants))

    @property
    def kind(self) -> CredentialKind:
        return kind_of(self.credentials)

    @property
    def account(self) -> str | None:
        """The account of an access point, or of the role."""
        arns = (self.arns.bucket, self.role_arn or "")
        return next((found[1] for arn in arns if (found := _ACCOUNT.fullmatch(arn))), None)

    @property
    def is_access_point(self) -> bool:
        return self.s3_bucket.startswith("arn:")


def signed_buckets(
    settings: Settings, addresses: Mapping[str, Address], origins: tuple[str, ...] = ()
) -> list[SignedBucket]:
    """Return the configured buckets. `origins` are those of pages that use all of them."""
    callers = [entry.grants for entry in builders.caller_entries(settings)]
    found = []
    for name, bucket in settings.buckets.items():
        region = addresses[name].region
        arns = builders.iam_arns(name, bucket, region)
        of_bucket = [[grant for grant in grants if grant.bucket == name] for grants in callers]
        common = [[*map(_of_everybody, own)] for own in of_bucket]
        found.append(
            SignedBucket(
                name=name,
                s3_bucket=bucket.bucket or name,
                arns=arns,
                region=region,
                is_at_aws=bucket.is_at_aws,
                is_scoped=bucket.is_scoped,
                endpoint_url=bucket.endpoint_url,
                grants=tuple(chain.from_iterable(of_bucket)),
                readable=readable_by_all(arns.bucket, common),
                credentials=bucket.credentials,
                static_keys=tuple(map(str, bucket.files_of_keys)),
                role_arn=bucket.role_arn,
                session_seconds=bucket.session_seconds if bucket.kind.has_sessions else math.inf,
                external_id=bucket.external_id,
                session_tags=tuple(bucket.session_tags),
                source_identity=bucket.source_identity,
                encryption=builders.encryption(bucket),
                origins=tuple(dict.fromkeys((*settings.server.cors_origins, *origins))),
                is_for_uppy=settings.uppy is not None and settings.uppy.bucket == name,
                is_in_console=settings.console is not None,
                distribution=None if bucket.cloudfront is None else bucket.cloudfront.distribution,
                delivery_keys=()
                if bucket.cloudfront is None
                else tuple(key.id for key in bucket.cloudfront.keys),
            )
        )
    return found


def _of_everybody(grant: Grant) -> Grant:
    """Return the grant without `download` if each of its callers has another prefix."""
    personal = {Operation.DOWNLOAD} if pointers(grant.prefix) else set()
    return replace(grant, allow=grant.allow - personal)
