"""The settings of callers: how each is known, and what it may do."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import ByteSize, Field, model_validator

from service.access.grants import Operation
from service.settings_section import Section
from service.settings_values import (
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
    bucket: Name
    prefix: Prefix
    allow: Annotated[tuple[Operation, ...], Field(min_length=1)]
    max_expires_in: Seconds | None = None
    max_content_length: Annotated[ByteSize, Field(le=_LARGEST_OBJECT)] | None = None
    content_types: tuple[ContentTypePattern, ...] | None = None
    max_keys: Annotated[int, Field(ge=1, le=1000)] | None = None
    allow_overwrite: bool = False


class IssuerSettings(Section):
    """Who signs the tokens of callers, and where its keys are."""

    issuer: Issuer
    audience: Audience
    jwks_url: KeysUrl
    ca_file: CaFile | None = None
    bearer_file: Path | None = None
    max_lifetime_seconds: Annotated[int, Field(ge=60, le=604_800)] = 86_400


class CallerSettings(Section):
    """An API key by its name, or subjects of an issuer.

    Two digests, the old key's and the new one's, make a rotation.
    """

    api_key: Name | None = None
    sha256: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=2)] | None = None
    issuer: Name | None = None
    subject: Subject | None = None
    grants: tuple[GrantSettings, ...] = ()
    rate_limit: RateLimit | None = None
    revoked_before: PastTime | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        key = (self.api_key is not None, self.sha256 is not None)
        token = (self.issuer is not None, self.subject is not None)
        if (key, token) not in {((True, True), (False, False)), ((False, False), (True, True))}:
            raise ValueError("write api_key and sha256, or issuer and subject")
        return self


class AnonymousSettings(Section):
    """Whoever sends no Authorization. For the demo and tests."""

    grants: tuple[GrantSettings, ...] = ()
