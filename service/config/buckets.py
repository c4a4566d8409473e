"""The settings of a bucket."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from service.config import r2
from service.config.cloudfront import CloudFrontSettings
from service.config.credential_kinds import (
    OF_SOME_KINDS,
    CredentialKind,
    Credentials,
    kind_of,
    kinds_with,
)
from service.config.durations import Duration, what_to_write
from service.config.key_files import StaticKeyFile
from service.config.messages import Conflict, Missing, refusal
from service.config.quoting import Shown, quoted
from service.config.types import (
    ExternalId,
    R2Account,
    Region,
    RoleArn,
    S3Bucket,
    Section,
    TagName,
    TagTemplate,
    Url,
)
from service.errors import FOUND, InvalidRequest
from service.signing.validation import check_header_value

_AWS_HOST = re.compile(r".*\.amazonaws\.com(?:\.cn)?")


class EncryptionSettings(Section):
    """Encryption that is signed into every upload, instead of the bucket's default."""

    algorithm: Annotated[
        Shown[Literal["AES256", "aws:kms", "aws:kms:dsse"]],
        Missing("write AES256, aws:kms or aws:kms:dsse"),
    ]
    """How the store encrypts."""

    kms_key_id: str | None = None
    """KMS key; by default the one that AWS manages for S3."""

    @model_validator(mode="after")
    def _key_fits(self) -> Self:
        if self.kms_key_id is not None:
            if self.algorithm == "AES256":
                raise ValueError("kms_key_id goes with aws:kms; leave it out with AES256")
            try:
                check_header_value(self.kms_key_id, pointer="kms_key_id")
            except InvalidRequest as error:
                raise ValueError(error.detail) from None
        return self


class BucketDefaults(Section):
    """The settings of a bucket that all buckets can share."""

    region: Shown[Region | None] = None
    """Where the bucket is."""

    credentials: Shown[Credentials] = "assume_role"
    """`assume_role`: a session of the role, by keys of the AWS default chain. `web_identity`: the
    same by a token file (EKS), without `external_id`, `session_tags` and `source_identity`.
    `static`: long-lived keys, of the default chain and read once, or in two files. `r2`:
    [tokens](r2.md) that keys of Cloudflare R2 sign."""

    access_key_id_file: StaticKeyFile | None = None
    """File with the access key id, for `static` and `r2`, which needs it. A change takes effect
    within seconds."""

    secret_access_key_file: StaticKeyFile | None = None
    """File with the secret access key, with `access_key_id_file`."""

    account_id: Shown[R2Account | None] = None
    """R2's account, if `endpoint_url` is not R2's own address."""

    role_arn: Shown[RoleArn | None] = None
    """Role that signs. Required, except with `static` and `r2`."""

    session_seconds: Shown[Annotated[int, Duration(10, 604_800)]] = 3600
    """How long a session lasts: up to the role's own maximum, and `12h`. Less than `15m` need an
    `sts_endpoint_url`. With `r2`, `15m` to `7d`."""

    external_id: ExternalId | None = None
    """External ID that the role's trust policy requires."""

    scoped_sessions: Shown[bool] = True
    """Session for each caller, which IAM restricts to its grants. `false`: all callers share one,
    for a store whose STS has no policies and that refuses unsigned headers."""

    session_tags: dict[TagName, TagTemplate] = Field(default_factory=dict, max_length=50)
    """Tags on each caller's session; `{issuer}` and `{subject}` are the caller's. The role's trust
    policy must allow `sts:TagSession`."""

    source_identity: Shown[bool] = False
    """Whether the session's name is also its SourceIdentity. The role's trust policy must allow
    `sts:SetSourceIdentity`."""

    endpoint_url: Shown[Url | None] = None
    """Store's URL as the service reaches it, unless it is AWS."""

    public_endpoint_url: Shown[Url | None] = None
    """Store's URL as callers reach it, whose host is signed."""

    sts_endpoint_url: Shown[Url | None] = None
    """URL of the store's STS; by default AWS's in the region."""

    addressing_style: Shown[Literal["virtual", "path"] | None] = None
    """Whether the bucket's name is in the host (`virtual`) or the path. By default `path` with an
    `endpoint_url`, else `virtual`."""

    fips: Shown[bool] = False
    """Use AWS's FIPS endpoint."""

    dual_stack: Shown[bool] = False
    """Use AWS's endpoint with IPv6."""

    accelerate: Shown[bool] = False
    """Use S3 Transfer Acceleration."""

    conditional_writes: Shown[bool] = True
    """Whether the store obeys `If-None-Match`. With `false`, uploads must request `overwrite`."""

    conditional_copies: Shown[bool | None] = None
    """Whether the store obeys `If-None-Match` of a copy. By default `true` at AWS, else `false`:
    then copies must request `overwrite`."""

    tag_urls: Shown[bool] = False
    """Whether each URL (not a form) signs the request's id, as `x-presign-id`, which S3's access
    log shows."""

    encryption: EncryptionSettings | None = None
    """Encryption that is signed into every upload. Without it the bucket's default applies: AWS
    always encrypts, another store may not."""


class BucketSettings(BucketDefaults):
    """Where a bucket is, and which credentials sign for it. Multi-Region Access Points and S3
    Express are refused.
    """

    bucket: Shown[S3Bucket | None] = None
    """Bucket's real name at the store. By default the name that callers use."""

    region: Annotated[Shown[Region], Missing("write a region such as eu-west-1")]
    """Where the bucket is."""

    cloudfront: CloudFrontSettings | None = None
    """Deliver downloads by [CloudFront](cloudfront.md)."""

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        given = {name for name in OF_SOME_KINDS if getattr(self, name)}
        if strange := sorted(given - self.kind.settings):
            kinds = " or ".join(kinds_with(frozenset(given)))
            raise ValueError(
                f"credentials: {self.credentials} takes no {' and no '.join(strange)}; leave that "
                "out, or write null for what bucket_defaults has"
                + (f", or write credentials: {kinds}" if kinds else "")
            )
        return self

    @model_validator(mode="after")
    def _session_fits(self) -> Self:
        if self.kind.role_trusts is None:
            return self
        if self.role_arn is None:
            raise ValueError(
                "role_arn is missing; name the role to assume, or write credentials: static"
            )
        account = self.role_arn.split(":")[4]
        if self.sts_endpoint_url is None and re.fullmatch(r"\d{12}", account) is None:
            text = f"an account of AWS has 12 digits (found {quoted(account)})"
            raise refusal([Conflict(("role_arn",), text)])
        if self.session_seconds < 900 and self.sts_endpoint_url is None:
            text = "write at least 900, as AWS demands; less needs an sts_endpoint_url"
            raise refusal([Conflict(("session_seconds",), f"{text} (found {FOUND})")])
        return self

    @model_validator(mode="after")
    def _length_fits(self) -> Self:
        least, most = self.kind.session_seconds
        if not least <= self.session_seconds <= most:
            text = f"{what_to_write(least, most)} (found {FOUND})"
            raise refusal([Conflict(("session_seconds",), text)])
        return self

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        names = ("access_key_id_file", "secret_access_key_file")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) == 1:
            raise ValueError("write both access_key_id_file and secret_access_key_file, or neither")
        return self

    @model_validator(mode="after")
    def _r2_fits(self) -> Self:
        if self.kind.has_tokens and (wrong := [*_r2_conflicts(self)]):
            raise refusal(wrong)
        return self

    @model_validator(mode="after")
    def _scope_fits(self) -> Self:
        if not self.scoped_sessions and (self.session_tags or self.source_identity):
            raise ValueError(
                "without scoped_sessions all callers share one session; "
                "leave out session_tags and source_identity"
            )
        if self.is_scoped and (self.bucket or "").endswith(("-s3alias", "--ol-s3")):
            raise ValueError(
                "IAM identifies an access point by its ARN; write the ARN instead of the alias"
            )
        return self

    @property
    def files_of_keys(self) -> tuple[Path, ...]:
        """The files with its static keys. Without any, the keys come from the AWS default chain."""
        files = (self.access_key_id_file, self.secret_access_key_file)
        return tuple(file for file in files if file is not None)

    @property
    def is_scoped(self) -> bool:
        """Whether each caller has its own sessions, which the store restricts to its grants."""
        return self.scoped_sessions and self.kind.has_sessions

    @property
    def kind(self) -> CredentialKind:
        return kind_of(self.credentials)

    @property
    def is_at_aws(self) -> bool:
        """Other stores have no KMS, and may refuse a policy that names it."""
        host = urlsplit(self.endpoint_url or "").hostname
        return host is None or _AWS_HOST.fullmatch(host) is not None

    @property
    def signed_endpoint_url(self) -> str | None:
        """The endpoint whose host is signed."""
        return self.public_endpoint_url or self.endpoint_url

    def style(self, endpoint_url: str | None) -> Literal["virtual", "path"]:
        """Return the addressing style. Stores other than AWS seldom have a host for each bucket."""
        return self.addressing_style or ("virtual" if endpoint_url is None else "path")


def _r2_conflicts(bucket: BucketSettings) -> Iterator[Conflict]:
    """Yield what a bucket with `credentials: r2` lacks, and what R2 does not have."""
    if bucket.access_key_id_file is None:
        text = "are missing; name two files with the keys of an R2 API token"
        yield Conflict((), f"access_key_id_file and secret_access_key_file {text}")
    if bucket.endpoint_url is None:
        yield Conflict((), f"endpoint_url is missing; write the account's, such as {r2.ADDRESS}")
    else:
        yield from _wrong_account(bucket, r2.account_of(bucket.endpoint_url))
    if bucket.public_endpoint_url is not None:
        text = "a token of R2 is for one address; leave it out, and write that in endpoint_url"
        yield Conflict(("public_endpoint_url",), text)
    if bucket.sts_endpoint_url is not None:
        yield Conflict(("sts_endpoint_url",), "R2 has no STS, and none is called; leave it out")
    if not bucket.scoped_sessions:
        text = "each token of R2 is one caller's; leave it out, or write true"
        yield Conflict(("scoped_sessions",), f"{text} (found {FOUND})")
    if (bucket.bucket or "").startswith("arn:"):
        yield Conflict(("bucket",), f"R2 has no access points; write a name (found {FOUND})")


def _wrong_account(bucket: BucketSettings, account: str | None) -> Iterator[Conflict]:
    if account is None and bucket.account_id is None:
        text = f"endpoint_url is not {r2.ADDRESS}, so write the account_id, 32 hexadecimal digits"
        yield Conflict((), text)
    if None not in {account, bucket.account_id} and account != bucket.account_id:
        text = "endpoint_url names another account; leave out one of the two"
        yield Conflict(("account_id",), f"{text} (found {FOUND})")
