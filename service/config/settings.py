"""What an operator may configure, and the only reader of the environment and of the file.

`presign.yaml` (its path in PRESIGN_CONFIG) holds it all; each scalar of `server` may also come from
the environment (PRESIGN_LOG_LEVEL …), which wins. Unknown settings and duplicate keys are errors:
a misspelt limit must not be a missing limit.
"""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from service.access.callers import pointers
from service.config.buckets import BucketSettings, EncryptionSettings
from service.config.callers import (
    AnonymousSettings,
    CallerSettings,
    GrantSettings,
    IssuerSettings,
)
from service.config.file import (
    Files,
    message,
    quoted,
    read_files,
    without_echoes,
)
from service.config.section import Section
from service.config.server import ServerSettings, ambient_ca_bundle
from service.config.types import OFFLINE, Name, can_be_trusted
from service.config.uppy import UppySettings
from service.errors import ConfigurationError

_Place = tuple[str | int, ...]
# Their values are quoted where they are wrong: none is a secret, and none holds one.
_QUOTED: Final = frozenset(
    {
        *("addressing_style", "algorithm", "allow", "audience", "bucket", "ca_file", "ca_bundle"),
        *("content_types", "cors_origins", "credentials", "default_expires_in", "drain_seconds"),
        *("expires_in", "issuer", "log_level", "max_content_length", "max_expires_in"),
        *("max_in_flight", "max_keys", "max_lifetime_seconds", "origins", "prefix", "rate_limit"),
        *("region", "revoked_before", "role_arn", "session_seconds", "subject"),
    }
)


class Settings(Section):
    server: ServerSettings = Field(
        default_factory=ServerSettings, description="Settings of the whole process."
    )
    buckets: dict[Name, BucketSettings] = Field(
        min_length=1, description="The buckets, each by the name that callers use."
    )
    issuers: dict[Name, IssuerSettings] = Field(
        default_factory=dict,
        description="Who signs the callers' tokens. The name is used in `callers`, in the audit "
        "trail and in `GET /v1/caller`.",
    )
    callers: tuple[CallerSettings, ...] = Field(
        (),
        description="Who may request what. If several entries match a caller, their grants add up.",
    )
    callers_dir: Path | None = Field(  # read already: see `callers`
        None,
        description="A directory, relative to this file. Each `*.yaml` in it has a list of "
        "`callers:` and nothing else: one file a team.",
    )
    unsafe_anonymous_caller: AnonymousSettings | None = Field(
        None, description="What a request without `Authorization` may do. For demos and tests only."
    )
    uppy: UppySettings | None = Field(
        None,
        description="What [Uppy](uppy.md) in a browser may request at `/uppy`. Without this section "
        "there is no `/uppy`.",
    )
    console: bool = Field(
        default=False, description="Whether there is [a page for people](console.md) at `/console`."
    )

    @model_validator(mode="after")
    def _buckets_are_configured(self) -> Self:
        named = [((*at, "bucket"), grant.bucket) for at, grant in self._placed()]
        named += [] if self.uppy is None else [(("uppy", "bucket"), self.uppy.bucket)]
        for at, bucket in named:
            if bucket not in self.buckets:
                raise _wrong(at, _unknown("bucket", bucket, self.buckets))
        return self

    @model_validator(mode="after")
    def _callers_are_distinct(self) -> Self:
        names, digests = dict[str, int](), dict[str, int]()
        for i, caller in enumerate(self.callers):
            if (name := caller.api_key) and (first := names.setdefault(name, i)) != i:
                words = f"callers.{first} has the api_key name {quoted(name)} too"
                raise _wrong(("callers", i, "api_key"), f"{words}; join the grants in one entry")
            for j, digest in enumerate(caller.sha256 or ()):
                if digest in digests:
                    words = f"callers.{digests[digest]} has this digest too"
                    at = ("callers", i, "sha256", j)
                    raise _wrong(at, f"{words}; make a key with `presign new-key`")
                digests[digest] = i
        return self

    @model_validator(mode="after")
    def _callers_have_issuers(self) -> Self:
        for i, caller in enumerate(self.callers):
            if caller.issuer is not None and caller.issuer not in self.issuers:
                words = _unknown("issuer", caller.issuer, self.issuers)
                raise _wrong(("callers", i, "issuer"), words)
        sources = dict[tuple[str, str, str], str]()
        for name, each in self.issuers.items():
            other = sources.setdefault((each.issuer, each.audience, each.jwks_url), name)
            if other != name:
                words = f"the same as {quoted(other)}, so a token could be of either"
                raise _wrong(("issuers", name), words)
        return self

    @model_validator(mode="after")
    def _placeholders_have_claims(self) -> Self:
        for at, grant in self._placed(of_tokens=False):
            if pointers(grant.prefix):
                words = (
                    f"only a token has claims; write the prefix out (found {quoted(grant.prefix)})"
                )
                raise _wrong((*at, "prefix"), words)
        return self

    @model_validator(mode="after")
    def _bundle_can_be_read(self, info: ValidationInfo) -> Self:
        bundle = self.server.ca_bundle
        if bundle is not None and info.context != OFFLINE and not can_be_trusted(bundle):
            words = (
                "write the path of certificates in PEM that can be read, here or in AWS_CA_BUNDLE"
            )
            raise _wrong(("server", "ca_bundle"), f"{words} (found {quoted(str(bundle))})")
        return self

    @model_validator(mode="after")
    def _web_identity_has_its_token(self) -> Self:
        uses_it = any(bucket.credentials == "web_identity" for bucket in self.buckets.values())
        if uses_it and self.server.web_identity_token_file is None:
            raise ValueError("server.web_identity_token_file is missing: web_identity reads it")
        return self

    def placed_grants(self) -> list[tuple[str, GrantSettings]]:
        """Every grant, with its path in the file."""
        return [(".".join(map(str, at)), grant) for at, grant in self._placed()]

    def _placed(self, *, of_tokens: bool = True) -> list[tuple[_Place, GrantSettings]]:
        """Every grant, or those alone whose callers have no tokens."""
        placed: list[tuple[_Place, GrantSettings]] = [
            (("callers", i, "grants", j), grant)
            for i, caller in enumerate(self.callers)
            if of_tokens or caller.issuer is None
            for j, grant in enumerate(caller.grants)
        ]
        if self.unsafe_anonymous_caller is not None:
            anonymous = enumerate(self.unsafe_anonymous_caller.grants)
            placed += [(("unsafe_anonymous_caller", "grants", j), each) for j, each in anonymous]
        return placed


def _wrong(at: _Place, words: str) -> PydanticCustomError:
    """What only the settings together show to be wrong, and where the one to change is."""
    return PydanticCustomError("at", "{words}", {"at": at, "words": words})


def _unknown(kind: str, name: str, known: dict[str, Any]) -> str:
    near = get_close_matches(name, known, 1)
    meant = f", did you mean {quoted(near[0])}" if near else ""
    there = ", ".join(sorted(known)) or "none"
    return f"no {kind} {quoted(name)} is configured{meant}; there are: {there}"


def configuration_path(given: Path | None) -> Path:
    """What is given, else PRESIGN_CONFIG, else presign.yaml."""
    return given or Path(os.environ.get("PRESIGN_CONFIG", "presign.yaml"))


def authority_files(settings: Settings) -> tuple[Path, ...]:
    """What says whom to trust as a store, and as STS."""
    found = (settings.server.ca_bundle, ambient_ca_bundle())
    return tuple(dict.fromkeys(path for path in found if path is not None))


def callers_token() -> str | None:
    """With which a command calls the service as any caller does."""
    return os.environ.get("PRESIGN_TOKEN") or None


def load_settings(path: Path | None = None, *, offline: bool = False) -> Settings:
    """The configuration at `path`, or where `configuration_path` finds it.

    With `offline` no file of certificates is read. Raises ConfigurationError with a sentence for each thing
    that is wrong, and where.
    """
    files = read_files(configuration_path(path))
    try:
        return Settings.model_validate(files.document, context=OFFLINE if offline else None)
    except ValidationError as error:
        faults = without_echoes(error.errors(include_url=False))
        raise ConfigurationError([_explain(fault, files) for fault in faults]) from None


def _explain(fault: Any, files: Files) -> str:
    """Where the fault is, the environment included, and what to write instead."""
    location = fault.get("ctx", {}).get("at", fault["loc"])
    variable = _variable(location)
    known = fault["type"] != "extra_forbidden" and variable is not None
    found = _found(location, fault)
    if known and variable in {name.upper() for name in os.environ}:
        return f"{variable}: {message(fault, [])}{found}"
    return f"{files.place(location)}: {message(fault, _names_at(location))}{found}"


def _found(location: tuple[Any, ...], fault: Any) -> str:
    """The value that is wrong, if it is one that may be shown."""
    setting = next((part for part in reversed(location) if isinstance(part, str)), None)
    if setting not in _QUOTED or fault["type"] in {"at", "extra_forbidden", "missing"}:
        return ""
    value = fault["input"]
    return f" (found {quoted(value)})" if isinstance(value, str | int | float | Path) else ""


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
