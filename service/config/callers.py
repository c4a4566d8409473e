"""The settings of callers: how each is known, and what it may do."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import ByteSize, Field, model_validator

from service.access.grants import Operation
from service.config.section import Section
from service.config.types import (
    Audience,
    CaFile,
    ContentTypePattern,
    Issuer,
    KeysUrl,
    Name,
    PastTime,
    Prefix,
    RateLimit,
    Seconds,
    Sha256,
    Subject,
)

# 10,000 parts of 5 GiB: docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_LARGEST_OBJECT: Final = 10_000 * 5 * 1024**3


class GrantSettings(Section):
    """What a caller may do, and how far. [Callers](callers.md#grants) explains it."""

    bucket: Name = Field(description="The bucket, by its name here.")
    prefix: Prefix = Field(
        description='Ends in `/` and covers what is below it, or names one key; `""` is the whole '
        "bucket. `{claim:/a/b}` is a JSON pointer into the verified token."
    )
    allow: tuple[Operation, ...] = Field(
        min_length=1,
        description="The operations. `versions` lets the others name a version of an object.",
    )
    max_expires_in: Seconds | None = Field(
        None, description="The longest lifetime of a URL, in seconds."
    )
    max_content_length: Annotated[ByteSize, Field(le=_LARGEST_OBJECT)] | None = Field(
        None,
        description="The largest object, in bytes or such as `50MiB`; S3 itself takes 48.8 TiB at most.",
    )
    content_types: tuple[ContentTypePattern, ...] | None = Field(
        None,
        description="The types that may be uploaded. A wildcard never admits what browsers run "
        "(SVG, HTML).",
    )
    max_keys: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="The most keys in a page of a listing. A request that names no page size gets "
        "this many.",
    )
    allow_overwrite: bool = Field(
        default=False, description="Whether an upload may replace an object, if it asks to."
    )


class IssuerSettings(Section):
    """Who signs the tokens of callers, and where its keys are."""

    issuer: Issuer = Field(description="The exact `iss` of its tokens.")
    audience: Audience = Field(description="The `aud` of its tokens, or one of several.")
    jwks_url: KeysUrl = Field(
        description="Where its keys are. Must be https, except on loopback. Redirects are not "
        "followed."
    )
    ca_file: CaFile | None = Field(
        None,
        description="PEM certificates to trust for `jwks_url`. The default is the usual "
        "authorities.",
    )
    bearer_file: Path | None = Field(
        None, description="A file with a token to send to `jwks_url`, read at each fetch."
    )
    max_lifetime_seconds: int = Field(
        86_400,
        ge=60,
        le=604_800,
        description="The longest lifetime of a token that is accepted, from `iat` to `exp`.",
    )


class CallerSettings(Section):
    """An API key by its name, or subjects of an issuer: `api_key` and `sha256`, or `issuer` and `subject`."""

    api_key: Name | None = Field(None, description="The API key's name. The audit trail shows it.")
    sha256: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=2)] | None = Field(
        None,
        description="The key's digest, as `presign new-key` prints it. Two digests during a "
        "rotation: the old key's and the new key's.",
    )
    issuer: Name | None = Field(None, description="The name of the issuer of its tokens.")
    subject: Subject | None = Field(
        None, description="The `sub` of its tokens. `*` matches any text without `:`."
    )
    grants: tuple[GrantSettings, ...] = Field(
        (), description="What the caller may do. Without grants it may do nothing."
    )
    rate_limit: RateLimit | None = Field(
        None,
        description="URLs that the caller may request in a period. A batch counts each of its URLs; "
        "a call that goes to the store counts as one. More get 429 `rate_limited`.",
    )
    revoked_before: PastTime | None = Field(
        None,
        description="Sessions of this caller that began earlier are dropped, in every replica: see "
        "[a URL leaked](operations.md#a-url-leaked).",
    )

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        key = (self.api_key is not None, self.sha256 is not None)
        token = (self.issuer is not None, self.subject is not None)
        if (key, token) not in {((True, True), (False, False)), ((False, False), (True, True))}:
            raise ValueError("write api_key and sha256, or issuer and subject")
        return self


class AnonymousSettings(Section):
    """Whoever sends no `Authorization`. For the demo and tests."""

    grants: tuple[GrantSettings, ...] = Field((), description="What it may do.")
