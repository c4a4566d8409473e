"""A bucket's settings: where it is, and who signs for it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from service.config.section import Section
from service.config.types import (
    ExternalId,
    Region,
    RoleArn,
    S3Bucket,
    TagName,
    TagTemplate,
    Url,
)
from service.errors import InvalidRequest
from service.signing.validation import check_header_value


class EncryptionSettings(Section):
    """Signed into every upload, in place of what the bucket does by itself."""

    algorithm: Literal["AES256", "aws:kms", "aws:kms:dsse"] = Field(
        description="How the store encrypts."
    )
    kms_key_id: str | None = Field(
        None, description="The KMS key. The default is the one that AWS manages for S3."
    )

    @model_validator(mode="after")
    def _key_fits(self) -> Self:
        if self.kms_key_id is not None:
            if self.algorithm == "AES256":
                raise ValueError("kms_key_id goes with aws:kms; leave it out with AES256")
            _check_header(self.kms_key_id, "kms_key_id")
        return self


class BucketSettings(Section):
    """Where a bucket is, and who signs for it.

    What cannot be signed right is refused at the start: Multi-Region Access Points and S3 Express.
    """

    bucket: S3Bucket | None = Field(
        None,
        description="The bucket's real name, or the ARN of an access point. The default is the name "
        "that callers use.",
    )
    region: Region = Field(description="Where the bucket is.")
    credentials: Literal["assume_role", "web_identity", "static"] = Field(
        "assume_role",
        description="`assume_role`: a session of the role, requested with keys of the AWS default "
        "chain. `web_identity`: a session of the role, requested with a token file "
        "(EKS); it takes no `external_id`, `session_tags` or `source_identity`. "
        "`static`: long-lived keys of the default chain, read once.",
    )
    role_arn: RoleArn | None = Field(
        None, description="The role that signs. Required unless `credentials: static`."
    )
    session_seconds: int = Field(
        3600,
        ge=10,
        le=43_200,
        description="How long a session lasts, up to the role's own maximum. Values below 900 need "
        "an `sts_endpoint_url`.",
    )
    external_id: ExternalId | None = Field(
        None,
        description="The external ID that the role's trust policy requires, if the role belongs to "
        "another account.",
    )
    scoped_sessions: bool = Field(
        default=True,
        description="A session for each caller, which IAM keeps within its grants. `false` is one "
        "session for all: for a store whose STS knows no policies, and which refuses unsigned headers.",
    )
    session_tags: dict[TagName, TagTemplate] = Field(
        default_factory=dict,
        max_length=50,
        description="Tags on each caller's session. `{issuer}` and `{subject}` are replaced by the "
        "caller's. The role's trust policy must allow `sts:TagSession`.",
    )
    source_identity: bool = Field(
        default=False,
        description="Whether the session's name is its SourceIdentity too. The role's trust policy "
        "must allow `sts:SetSourceIdentity`.",
    )
    endpoint_url: Url | None = Field(
        None, description="The store's URL as the service reaches it, if the store is not AWS."
    )
    public_endpoint_url: Url | None = Field(
        None,
        description="The store's URL as callers reach it. This host is signed; the service's own "
        "calls go to `endpoint_url`.",
    )
    sts_endpoint_url: Url | None = Field(
        None, description="The URL of the store's STS. The default is AWS's in the region."
    )
    addressing_style: Literal["virtual", "path"] | None = Field(
        None,
        description="Whether the bucket's name is in the host (`virtual`) or in the path. The "
        "default is `path` with an `endpoint_url`, else `virtual`.",
    )
    fips: bool = Field(default=False, description="AWS's FIPS endpoint.")
    dual_stack: bool = Field(default=False, description="AWS's endpoint with IPv6.")
    accelerate: bool = Field(default=False, description="S3 Transfer Acceleration.")
    conditional_writes: bool = Field(
        default=True,
        description="Set `false` for a store that ignores `If-None-Match`. Uploads to it must "
        "request `overwrite`.",
    )
    tag_urls: bool = Field(
        default=False,
        description="Whether each URL (not a form) has a signed `x-presign-id`: the request's id, "
        "which S3's access log shows.",
    )
    encryption: EncryptionSettings | None = Field(
        None,
        description="Encryption that is signed into every upload. Without it the bucket's default "
        "applies: AWS always encrypts, another store may not.",
    )

    @model_validator(mode="after")
    def _session_fits(self) -> Self:
        extras = self._extras()
        if self.credentials == "static":
            if self.role_arn or extras:
                raise ValueError(
                    _leave_out("static credentials assume no role", "role_arn", *extras)
                )
            return self
        if self.role_arn is None:
            raise ValueError(
                "role_arn is missing; name the role to assume, or write credentials: static"
            )
        if extras and self.credentials == "web_identity":
            raise ValueError(
                _leave_out("web_identity takes only a policy", *extras)
                + ", or write credentials: assume_role"
            )
        if self.session_seconds < 900 and self.sts_endpoint_url is None:
            raise ValueError(
                "session_seconds is at least 900 on AWS; less needs an sts_endpoint_url"
            )
        return self

    @model_validator(mode="after")
    def _scope_fits(self) -> Self:
        if not self.scoped_sessions and (self.session_tags or self.source_identity):
            raise ValueError(
                "without scoped_sessions no session is a caller's; "
                "leave out session_tags and source_identity"
            )
        if self.is_scoped and (self.bucket or "").endswith(("-s3alias", "--ol-s3")):
            raise ValueError(
                "IAM knows an access point by its ARN only; write the ARN in place of the alias"
            )
        return self

    def _extras(self) -> list[str]:
        """What only AssumeRole takes."""
        given = {
            "external_id": self.external_id,
            "session_tags": self.session_tags,
            "source_identity": self.source_identity,
        }
        return [name for name, value in given.items() if value]

    @property
    def is_scoped(self) -> bool:
        """Whether each caller has a session of its own, kept within its grants by IAM."""
        return self.scoped_sessions and self.credentials != "static"

    @property
    def signed_endpoint_url(self) -> str | None:
        """The endpoint whose host is signed."""
        return self.public_endpoint_url or self.endpoint_url

    def style(self, endpoint_url: str | None) -> Literal["virtual", "path"]:
        """Stores of one's own seldom have a host for each bucket; AWS has."""
        if self.addressing_style is not None:
            return self.addressing_style
        return "virtual" if endpoint_url is None else "path"


def _check_header(value: str, name: str) -> None:
    try:
        check_header_value(value, pointer=name)
    except InvalidRequest as error:
        raise ValueError(error.detail) from None


def _leave_out(reason: str, *names: str) -> str:
    return f"{reason}; leave out {' and '.join(names)}"
