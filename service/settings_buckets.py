"""A bucket's settings: where it is, and who signs for it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from service.errors import InvalidRequest
from service.settings_section import Section
from service.settings_values import (
    ExternalId,
    Region,
    RoleArn,
    S3Bucket,
    TagName,
    TagTemplate,
    Url,
)
from service.signing.keys import check_header_value


class EncryptionSettings(Section):
    algorithm: Literal["AES256", "aws:kms", "aws:kms:dsse"]
    kms_key_id: str | None = None

    @model_validator(mode="after")
    def _key_fits(self) -> Self:
        if self.kms_key_id is not None:
            if self.algorithm == "AES256":
                raise ValueError("kms_key_id goes with aws:kms; leave it out with AES256")
            _check_header(self.kms_key_id, "kms_key_id")
        return self


class BucketSettings(Section):
    bucket: S3Bucket | None = None  # default: the name that callers use
    region: Region
    credentials: Literal["assume_role", "web_identity", "static"] = "assume_role"
    role_arn: RoleArn | None = None
    session_seconds: Annotated[int, Field(ge=10, le=43_200)] = 3600
    external_id: ExternalId | None = None
    scoped_sessions: bool = True
    session_tags: dict[TagName, TagTemplate] = Field(default_factory=dict, max_length=50)
    source_identity: bool = False
    endpoint_url: Url | None = None
    public_endpoint_url: Url | None = None
    sts_endpoint_url: Url | None = None
    addressing_style: Literal["virtual", "path"] | None = None
    fips: bool = False
    dual_stack: bool = False
    accelerate: bool = False
    conditional_writes: bool = True
    tag_urls: bool = False
    encryption: EncryptionSettings | None = None

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
