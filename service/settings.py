"""What an operator may configure, and the only reader of the environment and of the file.

`presign.yaml` (its path in PRESIGN_CONFIG) holds it all; each scalar of `server` may also come from
the environment (PRESIGN_LOG_LEVEL …), which wins. Unknown settings and duplicate keys are errors:
a misspelt limit must not be a missing limit.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.access.grants import Operation
from service.errors import ConfigurationError, InvalidRequest
from service.settings_file import message, place, read_yaml, without_echoes
from service.settings_values import (
    ContentTypePattern,
    ExternalId,
    Name,
    Origin,
    Region,
    RoleArn,
    S3Bucket,
    Sha256,
    Url,
)
from service.signing.keys import check_header_value
from service.signing.signer import MAX_EXPIRES_IN

_PATTERN_CHARACTER = re.compile(r"[*?$\\]")  # patterns and variables in an IAM policy

Seconds = Annotated[int, Field(ge=1, le=MAX_EXPIRES_IN)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _ambient_token_file() -> Path | None:
    """As EKS sets it in each pod; a setting of our own comes first."""
    path = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    return Path(path) if path else None


class ServerSettings(BaseSettings):
    """Of the process."""

    model_config = SettingsConfigDict(
        env_prefix="PRESIGN_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    default_expires_in: Seconds = 900
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = ()  # in the environment, with commas
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    web_identity_token_file: Path | None = Field(default_factory=_ambient_token_file)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, origins: Any) -> Any:
        return origins.replace(",", " ").split() if isinstance(origins, str) else origins


class EncryptionSettings(_Section):
    algorithm: Literal["AES256", "aws:kms", "aws:kms:dsse"]
    kms_key_id: str | None = None

    @model_validator(mode="after")
    def _key_fits(self) -> Self:
        if self.kms_key_id is not None:
            if self.algorithm == "AES256":
                raise ValueError("kms_key_id goes with aws:kms; leave it out with AES256")
            _check_header(self.kms_key_id, "kms_key_id")
        return self


class BucketSettings(_Section):
    bucket: S3Bucket | None = None  # default: the name that callers use
    region: Region
    credentials: Literal["assume_role", "web_identity", "static"] = "assume_role"
    role_arn: RoleArn | None = None
    session_seconds: Annotated[int, Field(ge=10, le=43_200)] = 3600
    external_id: ExternalId | None = None
    endpoint_url: Url | None = None
    public_endpoint_url: Url | None = None
    sts_endpoint_url: Url | None = None
    addressing_style: Literal["virtual", "path"] | None = None
    fips: bool = False
    dual_stack: bool = False
    accelerate: bool = False
    conditional_writes: bool = True
    encryption: EncryptionSettings | None = None

    @model_validator(mode="after")
    def _session_fits(self) -> Self:
        if self.credentials == "static":
            if self.role_arn or self.external_id:
                raise ValueError(
                    "static credentials assume no role; leave out role_arn and external_id"
                )
            return self
        if self.role_arn is None:
            raise ValueError(
                "role_arn is missing; name the role to assume, or write credentials: static"
            )
        if self.external_id and self.credentials == "web_identity":
            raise ValueError(
                "web_identity takes no external_id; leave it out, or write credentials: assume_role"
            )
        if self.session_seconds < 900 and self.sts_endpoint_url is None:
            raise ValueError(
                "session_seconds is at least 900 on AWS; less needs an sts_endpoint_url"
            )
        return self

    @property
    def signed_endpoint_url(self) -> str | None:
        """The endpoint whose host is signed."""
        return self.public_endpoint_url or self.endpoint_url

    @property
    def style(self) -> Literal["virtual", "path"]:
        """Stores of one's own seldom have a host for each bucket; AWS has."""
        if self.addressing_style is not None:
            return self.addressing_style
        return "virtual" if self.signed_endpoint_url is None else "path"


class GrantSettings(_Section):
    bucket: Name
    prefix: str
    allow: Annotated[tuple[Operation, ...], Field(min_length=1)]
    max_expires_in: Seconds | None = None
    max_content_length: ByteSize | None = None
    content_types: tuple[ContentTypePattern, ...] | None = None
    max_keys: Annotated[int, Field(ge=1, le=1000)] | None = None
    allow_overwrite: bool = False

    @field_validator("prefix")
    @classmethod
    def _literal(cls, prefix: str) -> str:
        if _PATTERN_CHARACTER.search(prefix):
            raise ValueError(
                "a prefix has no *, ?, $ or backslash: end it in / to cover what is below"
            )
        return prefix


class CallerSettings(_Section):
    """An API key by its name: two digests, the old key's and the new one's, make a rotation."""

    api_key: Name
    sha256: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=2)]
    grants: tuple[GrantSettings, ...] = ()


class AnonymousSettings(_Section):
    """Whoever sends no Authorization. For the demo and tests."""

    grants: tuple[GrantSettings, ...] = ()


class Settings(_Section):
    server: ServerSettings = Field(default_factory=ServerSettings)
    buckets: Annotated[dict[Name, BucketSettings], Field(min_length=1)]
    callers: tuple[CallerSettings, ...] = ()
    unsafe_anonymous_caller: AnonymousSettings | None = None

    @model_validator(mode="after")
    def _grants_fit_buckets(self) -> Self:
        for at, grant in self.placed_grants():
            if grant.bucket not in self.buckets:
                known = ", ".join(sorted(self.buckets))
                raise ValueError(f"{at}: no such bucket is configured; there are: {known}")
        return self

    @model_validator(mode="after")
    def _callers_are_distinct(self) -> Self:
        names = [caller.api_key for caller in self.callers]
        digests = [digest for caller in self.callers for digest in caller.sha256]
        if len(set(names)) < len(names):
            raise ValueError("callers: one api_key name stands twice; join the grants in one entry")
        if len(set(digests)) < len(digests):
            raise ValueError("callers: one sha256 stands twice; make a key with `presign new-key`")
        return self

    @model_validator(mode="after")
    def _web_identity_has_its_token(self) -> Self:
        uses_it = any(bucket.credentials == "web_identity" for bucket in self.buckets.values())
        if uses_it and self.server.web_identity_token_file is None:
            raise ValueError("server.web_identity_token_file is missing: web_identity reads it")
        return self

    def placed_grants(self) -> list[tuple[str, GrantSettings]]:
        """Every grant, with its path in the file."""
        placed = [
            (f"callers.{i}.grants.{j}", grant)
            for i, caller in enumerate(self.callers)
            for j, grant in enumerate(caller.grants)
        ]
        if self.unsafe_anonymous_caller is not None:
            anonymous = enumerate(self.unsafe_anonymous_caller.grants)
            placed += [(f"unsafe_anonymous_caller.grants.{j}", grant) for j, grant in anonymous]
        return placed


def load_settings(path: Path | None = None) -> Settings:
    """The configuration at `path`, else at PRESIGN_CONFIG, else in presign.yaml.

    Raises ConfigurationError with a sentence for each thing that is wrong, and where.
    """
    path = path or Path(os.environ.get("PRESIGN_CONFIG", "presign.yaml"))
    document = read_yaml(path)
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        faults = without_echoes(
            error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise ConfigurationError([_explain(fault, path, document) for fault in faults]) from None


def _explain(fault: Any, path: Path, document: Any) -> str:
    """Where the fault is, the environment included, and what to write instead."""
    location = fault["loc"]
    variable = _variable(location)
    known = fault["type"] != "extra_forbidden" and variable is not None
    if known and variable in {name.upper() for name in os.environ}:
        return f"{variable}: {message(fault, [])}"
    return f"{place(path, document, location)}: {message(fault, _names_at(location))}"


def _variable(location: tuple[Any, ...]) -> str | None:
    """The environment's name for a setting of the server. Without a section, pydantic leaves `server` out."""
    names = location[1:2] if location[:1] == ("server",) else location[:1]
    return next((f"PRESIGN_{n.upper()}" for n in names if n in ServerSettings.model_fields), None)


def _names_at(location: tuple[Any, ...]) -> list[str]:
    """What may be written beside the innermost part of a location."""
    sections: list[tuple[str, type[BaseModel]]] = [
        ("grants", GrantSettings),
        ("encryption", EncryptionSettings),
        ("unsafe_anonymous_caller", AnonymousSettings),
        ("callers", CallerSettings),
        ("buckets", BucketSettings),
        ("server", ServerSettings),
    ]
    section = next((model for name, model in sections if name in location[:-1]), Settings)
    return list(section.model_fields)


def _check_header(value: str, name: str) -> None:
    try:
        check_header_value(value, pointer=name)
    except InvalidRequest as error:
        raise ValueError(error.detail) from None
