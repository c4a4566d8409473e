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
    """The settings of the process. The environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix="PRESIGN_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    default_expires_in: Shown[Seconds] = 900
    """How long a URL lives if the request has no `expires_in`."""

    cors_origins: Shown[Annotated[tuple[Origin, ...], NoDecode]] = ()
    """Origins whose pages may call the service. Separate them by commas in the environment. `*` is
    refused."""

    trusted_proxies: Shown[Annotated[tuple[Proxy, ...], NoDecode]] = ()
    """Addresses and networks of the proxies in front, which [say from where a request
    came](behind-a-proxy.md#who-sent-it): that is `client` in the audit trail. A caller at one of
    these addresses could choose its own, so name the proxies alone. Separate them by commas in the
    environment."""

    proxy_header: Shown[Literal["X-Forwarded-For", "Forwarded"]] = "X-Forwarded-For"
    """The header to which the trusted proxies append the address that they see. The other one is
    not read: most proxies pass on what a client wrote there."""

    max_in_flight: Shown[int] = Field(512, ge=1)
    """Requests in progress at once. More get 503 `overloaded` with `Retry-After`. Health and
    metrics are never refused."""

    drain_seconds: Shown[Annotated[float, Duration(0, 300)]] = 5.0
    """How long to keep accepting connections after SIGTERM. `/readyz` reports 503 immediately."""

    rate_limit_url: StoreUrl | None = None
    """A store that replicas share for the callers' `rate_limit`. Without it each replica counts in
    memory. It may hold a password, so prefer the environment."""

    public_url: Shown[Annotated[Url, AfterValidator(_without_slash)] | None] = None
    """The address at which callers reach the service, with the path that a proxy serves it
    under. Share links need it. Addresses that complete Git LFS's uploads, and the `type` of
    problems, begin with it too."""

    log_level: Shown[Literal["DEBUG", "INFO", "WARNING", "ERROR"]] = "INFO"
    """The lowest level that is logged. The SDK's own loggers never go below INFO, because they
    would log secrets."""

    web_identity_token_file: Path | None = Field(default_factory=_ambient_token_file)
    """The token file for `credentials: web_identity`, read at each use. The default is
    `AWS_WEB_IDENTITY_TOKEN_FILE`, which EKS sets."""

    ca_bundle: Shown[Path | None] = Field(
        default_factory=ambient_ca_bundle
    )  # `Settings` checks that it can be read
    """PEM certificates that the service trusts when it calls a store, instead of the usual ones.
    The default is `AWS_CA_BUNDLE`, which also applies to STS."""

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
