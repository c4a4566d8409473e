"""The settings of the process. Each can also come from the environment, which wins."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from service.config.durations import Duration, Seconds
from service.config.expansion import Expanded
from service.config.quoting import Shown
from service.config.types import Origin, Proxy, StoreUrl, Url


def _ambient_token_file() -> Path | None:
    """EKS sets this variable in each pod."""
    path = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    return Path(path) if path else None


def ambient_ca_bundle() -> Path | None:
    """Return the bundle that the SDK trusts when it calls STS."""
    path = os.environ.get("AWS_CA_BUNDLE")
    return Path(path) if path else None


def ambient_region() -> str | None:
    """Return the region of the environment, as AWS's own services set it."""
    return os.environ.get("AWS_REGION")


def _without_slash(url: str) -> str:
    return url.rstrip("/")


class ServerSettings(BaseSettings):
    """Settings of the process. The environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix="PRESIGN_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    default_expires_in: Shown[Seconds] = 900
    """Lifetime of a URL if the request has no `expires_in`."""

    cors_origins: Shown[Annotated[tuple[Origin, ...], NoDecode]] = ()
    """Origins whose pages may call the service, separated by commas in the environment. `*` is
    refused."""

    trusted_proxies: Shown[Annotated[tuple[Proxy, ...], NoDecode]] = ()
    """Proxies in front, which [say from where a request came](behind-a-proxy.md#who-sent-it):
    `client` in the audit trail. Name nothing else, since a caller at such an address could choose
    its own. Separate them by commas in the environment."""

    proxy_header: Shown[Literal["X-Forwarded-For", "Forwarded"]] = "X-Forwarded-For"
    """Header to which these proxies append the address that they see. The other one is not read:
    most proxies pass on what a client wrote there."""

    max_in_flight: Shown[int] = Field(512, ge=1)
    """Requests in progress at once. More get 503 `overloaded`, except health and metrics."""

    drain_seconds: Shown[Annotated[float, Duration(0, 300)]] = 5.0
    """How long to accept connections after SIGTERM, while `/readyz` has 503."""

    rate_limit_url: StoreUrl | None = None
    """Store that counts `rate_limit` for all replicas. Without it each replica counts in memory. It
    may hold a password, so prefer the environment."""

    public_url: Shown[Annotated[Url, AfterValidator(_without_slash)] | None] = None
    """Address at which callers reach the service, with the path that a proxy adds. Share links need
    it. Git LFS's addresses to complete uploads, and the `type` of problems, begin with it."""

    log_level: Shown[Literal["DEBUG", "INFO", "WARNING", "ERROR"]] = "INFO"
    """Lowest level that is logged. The SDK's own loggers never go below INFO: they would log
    secrets."""

    web_identity_token_file: Path | None = Field(default_factory=_ambient_token_file)
    """Token file for `credentials: web_identity`, read at each use. By default
    `AWS_WEB_IDENTITY_TOKEN_FILE`, which EKS sets."""

    # `Settings` checks that it can be read.
    ca_bundle: Shown[Path | None] = Field(default_factory=ambient_ca_bundle)
    """PEM certificates to trust in calls to stores, instead of the usual ones. By default
    `AWS_CA_BUNDLE`, which also applies to STS."""

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

    @field_validator("cors_origins", mode="before", json_schema_input_type=tuple[Origin, ...] | str)
    @classmethod
    def _split_origins(cls, origins: Any) -> Any:
        return _split(origins)

    @field_validator(
        "trusted_proxies", mode="before", json_schema_input_type=tuple[Proxy, ...] | str
    )
    @classmethod
    def _split_proxies(cls, proxies: Any) -> Any:
        return _split(proxies)


def _split(texts: Any) -> Any:
    """Return a list as the environment has it, with commas, as a list."""
    if not isinstance(texts, str):
        return texts
    parts = texts.replace(",", " ").split()
    if isinstance(texts, Expanded):  # a part may be a secret, so it keeps its source
        return [Expanded(part, texts.original_text) for part in parts]
    return parts
