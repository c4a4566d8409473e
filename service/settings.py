"""What an operator may configure, and the only reader of the environment and of the file.

`presign.yaml` (its path in PRESIGN_CONFIG) holds it all; each scalar of `server` may also come from
the environment (PRESIGN_LOG_LEVEL …), which wins. Unknown settings and duplicate keys are errors:
a misspelt limit must not be a missing limit.
"""

import os
import ssl
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
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

from service.access.callers import pointers
from service.errors import ConfigurationError
from service.settings_buckets import BucketSettings, EncryptionSettings
from service.settings_callers import (
    AnonymousSettings,
    CallerSettings,
    GrantSettings,
    IssuerSettings,
)
from service.settings_file import Files, message, read_files, without_echoes
from service.settings_section import Section
from service.settings_uppy import UppySettings
from service.settings_values import Name, Origin, Seconds, StoreUrl


def _ambient_token_file() -> Path | None:
    """As EKS sets it in each pod; a setting of our own comes first."""
    path = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    return Path(path) if path else None


def _ambient_ca_bundle() -> Path | None:
    """As the SDK takes it for STS; a setting of our own comes first."""
    path = os.environ.get("AWS_CA_BUNDLE")
    return Path(path) if path else None


def _check_ca_bundle(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError):  # of SSL's errors each is an OSError
        told = "write the path of certificates in PEM that can be read, here or in AWS_CA_BUNDLE"
        raise ValueError(told) from None
    return path


class ServerSettings(BaseSettings):
    """Of the process as a whole. The environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix="PRESIGN_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    default_expires_in: Seconds = Field(
        900, description="Seconds that a URL lives where its caller asks for no `expires_in`."
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        (),
        description="Origins whose pages may call the service; in the environment with commas "
        "between them. `*` is refused.",
    )
    max_in_flight: int = Field(
        512,
        ge=1,
        description="Requests under way. More get 503 `overloaded` with `Retry-After`; health and "
        "metrics never do.",
    )
    drain_seconds: float = Field(
        5.0,
        ge=0,
        le=300,
        description="Seconds from SIGTERM, when the service stops to be ready, until it takes no "
        "new connection.",
    )
    rate_limit_url: StoreUrl | None = Field(
        None,
        description="What replicas share for each caller's `rate_limit`; without it each counts in "
        "memory. It may hold a password: best by the environment.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        description="What is logged. The SDK's own loggers never go below INFO: they would log "
        "secrets.",
    )
    web_identity_token_file: Path | None = Field(
        default_factory=_ambient_token_file,
        description="The token for `credentials: web_identity`, read each time. Without it "
        "`AWS_WEB_IDENTITY_TOKEN_FILE`, as EKS sets it, is taken.",
    )
    ca_bundle: Annotated[Path, AfterValidator(_check_ca_bundle)] | None = Field(
        default_factory=_ambient_ca_bundle,
        validate_default=True,
        description="Certificates in PEM that the service trusts when it calls a store, in place of "
        "the usual ones. Without it `AWS_CA_BUNDLE` is taken; for STS only that one counts.",
    )

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


class Settings(Section):
    server: ServerSettings = Field(
        default_factory=ServerSettings, description="What is of the process as a whole."
    )
    buckets: dict[Name, BucketSettings] = Field(
        min_length=1, description="The buckets, each by the name that callers use."
    )
    issuers: dict[Name, IssuerSettings] = Field(
        default_factory=dict,
        description="Who signs the tokens of callers, each by a name that stands in `callers`, in "
        "the audit trail and in `GET /v1/caller`.",
    )
    callers: tuple[CallerSettings, ...] = Field(
        (), description="Who may ask for what. Entries that match one caller add up."
    )
    callers_dir: Path | None = Field(  # read already: see `callers`
        None,
        description="A directory, from the file's own, whose `*.yaml` each have a list of "
        "`callers:` and nothing else: a file a team.",
    )
    unsafe_anonymous_caller: AnonymousSettings | None = Field(
        None, description="Whoever sends no `Authorization`. For the demo and tests."
    )
    uppy: UppySettings | None = Field(
        None,
        description="What [Uppy](uppy.md) in a browser may ask for, at `/uppy`. Without it there "
        "is no `/uppy`.",
    )
    console: bool = Field(
        default=False, description="Whether there is [a page for people](console.md) at `/console`."
    )

    @model_validator(mode="after")
    def _buckets_are_configured(self) -> Self:
        named = [(at, grant.bucket) for at, grant in self.placed_grants()]
        named += [] if self.uppy is None else [("uppy.bucket", self.uppy.bucket)]
        for at, bucket in named:
            if bucket not in self.buckets:
                known = ", ".join(sorted(self.buckets))
                raise ValueError(f"{at}: no such bucket is configured; there are: {known}")
        return self

    @model_validator(mode="after")
    def _callers_are_distinct(self) -> Self:
        names = [caller.api_key for caller in self.callers if caller.api_key]
        digests = [digest for caller in self.callers for digest in caller.sha256 or ()]
        if len(set(names)) < len(names):
            raise ValueError("callers: one api_key name stands twice; join the grants in one entry")
        if len(set(digests)) < len(digests):
            raise ValueError("callers: one sha256 stands twice; make a key with `presign new-key`")
        return self

    @model_validator(mode="after")
    def _callers_have_issuers(self) -> Self:
        for i, caller in enumerate(self.callers):
            if caller.issuer is not None and caller.issuer not in self.issuers:
                known = ", ".join(sorted(self.issuers)) or "none"
                raise ValueError(
                    f"callers.{i}.issuer: no such issuer is configured; there are: {known}"
                )
        sources = [(i.issuer, i.audience, i.jwks_url) for i in self.issuers.values()]
        if len(set(sources)) < len(sources):
            raise ValueError("issuers: one stands twice, and a token could be of either")
        return self

    @model_validator(mode="after")
    def _placeholders_have_claims(self) -> Self:
        with_claims = {
            f"callers.{i}." for i, caller in enumerate(self.callers) if caller.issuer is not None
        }
        for at, grant in self.placed_grants():
            if pointers(grant.prefix) and not at.startswith(tuple(with_claims)):
                raise ValueError(f"{at}.prefix: only a token has claims; write the prefix out")
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


def configuration_path(given: Path | None) -> Path:
    """What is given, else PRESIGN_CONFIG, else presign.yaml."""
    return given or Path(os.environ.get("PRESIGN_CONFIG", "presign.yaml"))


def callers_token() -> str | None:
    """With which a command calls the service as any caller does."""
    return os.environ.get("PRESIGN_TOKEN") or None


def load_settings(path: Path | None = None) -> Settings:
    """The configuration at `path`, or where `configuration_path` finds it.

    Raises ConfigurationError with a sentence for each thing that is wrong, and where.
    """
    files = read_files(configuration_path(path))
    try:
        return Settings.model_validate(files.document)
    except ValidationError as error:
        faults = without_echoes(
            error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise ConfigurationError([_explain(fault, files) for fault in faults]) from None


def _explain(fault: Any, files: Files) -> str:
    """Where the fault is, the environment included, and what to write instead."""
    location = fault["loc"]
    variable = _variable(location)
    known = fault["type"] != "extra_forbidden" and variable is not None
    if known and variable in {name.upper() for name in os.environ}:
        return f"{variable}: {message(fault, [])}"
    return f"{files.place(location)}: {message(fault, _names_at(location))}"


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
        ("issuers", IssuerSettings),
        ("uppy", UppySettings),
        ("buckets", BucketSettings),
        ("server", ServerSettings),
    ]
    section = next((model for name, model in sections if name in location[:-1]), Settings)
    return list(section.model_fields)
