"""The settings, read from the configuration file and the environment.

The file is `presign.yaml`, or the path in PRESIGN_CONFIG. Each setting of `server` can also come
from the environment (PRESIGN_LOG_LEVEL …), which wins. Unknown settings and duplicate keys are
errors, so that a misspelt limit is not a missing limit.
"""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from service.access.callers import pointers
from service.access.grants import Operation
from service.config.buckets import BucketDefaults, BucketSettings
from service.config.callers import AnonymousSettings, CallerSettings, GrantSettings, IssuerSettings
from service.config.console import Console, wrong_issuer
from service.config.expansion import Source, source
from service.config.file import message, quoted, without_echoes
from service.config.git_lfs import GitLfsSettings
from service.config.links import LinksSettings
from service.config.mlflow import MlflowSettings
from service.config.objects import Objects, ObjectUrlSettings
from service.config.package_index import PackageIndexSettings
from service.config.reading import Files, Sources, find_sources, read_files
from service.config.server import ServerSettings, ambient_ca_bundle
from service.config.sharing import with_shared_settings
from service.config.types import OFFLINE, READABLE_PEM, Name, Section, can_be_trusted
from service.config.uppy import UppySettings
from service.errors import ConfigurationError
from service.field_names import nearest_field

_Location = tuple[str | int, ...]
# Error messages quote the values of these settings. None of them is or contains a secret.
_QUOTED: Final = frozenset(
    {
        *("addressing_style", "algorithm", "allow", "audience", "bucket", "ca_file", "ca_bundle"),
        *("content_types", "cors_origins", "credentials", "default_expires_in", "drain_seconds"),
        *("expires_in", "issuer", "log_level", "max_content_length", "max_expires_in"),
        *(
            "max_in_flight",
            "max_keys",
            "max_lifetime_seconds",
            "origins",
            "prefix",
            "profile",
            "rate_limit",
        ),
        *("region", "revoked_before", "role_arn", "session_seconds", "subject"),
    }
)


class Settings(Section):
    server: ServerSettings = Field(default_factory=ServerSettings)
    """The settings of the process."""

    buckets: dict[Name, BucketSettings] = Field(min_length=1)
    """The buckets, each by the name that callers use."""

    bucket_defaults: BucketDefaults = Field(default_factory=BucketDefaults)
    """Settings of all buckets, except `bucket`. A bucket's own key replaces the default as a whole,
    and `null` removes it."""

    buckets_dir: Path | None = None  # `read_files` has added its buckets
    """A directory, relative to this file. Each `*.yaml` in it has `buckets:` and nothing else. Needs
    no `buckets` in this file."""

    issuers: dict[Name, IssuerSettings] = Field(default_factory=dict)
    """The issuers of callers' tokens. The name is used in `callers`, in the audit trail and in `GET
    /v1/caller`."""

    grant_sets: dict[Name, tuple[GrantSettings, ...]] = Field(default_factory=dict)
    """Lists of grants by name, for callers that write `grants: NAME`."""

    callers: tuple[CallerSettings, ...] = ()
    """Who may request what. A caller has the grants of all entries that match it."""

    callers_dir: Path | None = None  # `read_files` has added its callers
    """A directory, relative to this file. Each `*.yaml` in it has a list of `callers:` and nothing
    else, such as one file for each team. Its authors may not read the service's secrets, so
    `${VAR}` is an error there."""

    unsafe_anonymous_caller: AnonymousSettings | None = None
    """What a request without `Authorization` may do. For demos and tests only."""

    objects: Objects = Field(default_factory=ObjectUrlSettings)
    """[Object URLs](object-urls.md) at `/o/{bucket}/{key}`. `objects: false` turns them off."""

    package_index: dict[Name, PackageIndexSettings] = Field(default_factory=dict)
    """Python [package indexes](package-index.md) at `/simple/{name}/`, by name."""

    git_lfs: GitLfsSettings | None = None
    """[Git LFS](git-lfs.md) at `/lfs/{repository}`. Without this section there is no `/lfs`."""

    mlflow: MlflowSettings | None = None
    """[MLflow](mlflow.md)'s artifacts. Without this section there are none."""

    uppy: UppySettings | None = None
    """What [Uppy](uppy.md) in a browser may request at `/uppy`. Without this section there is no
    `/uppy`."""

    links: LinksSettings | None = None
    """Share links. Without this section there are none."""

    console: Console = None
    """[A page for people](console.md) at `/console`: `true`, or its settings. Without it there is no
    `/console`."""

    @model_validator(mode="before")
    @classmethod
    def _share(cls, document: Any) -> Any:
        return with_shared_settings(document) if isinstance(document, Mapping) else document

    @model_validator(mode="after")
    def _buckets_are_configured(self) -> Self:
        used = [((*at, "bucket"), grant.bucket) for at, grant in self._grants()]
        used += [] if self.uppy is None else [(("uppy", "bucket"), self.uppy.bucket)]
        used += [
            (("package_index", name, "bucket"), index.bucket)
            for name, index in self.package_index.items()
        ]
        repositories = {} if self.git_lfs is None else self.git_lfs.repositories
        used += [
            (("git_lfs", "repositories", name, "bucket"), each.bucket)
            for name, each in repositories.items()
        ]
        roots = {} if self.mlflow is None else self.mlflow.roots
        used += [(("mlflow", "roots", name, "bucket"), each.bucket) for name, each in roots.items()]
        for at, bucket in used:
            if bucket not in self.buckets:
                raise _error(at, _unknown("bucket", bucket, self.buckets))
        return self

    @model_validator(mode="after")
    def _indexes_have_object_urls(self) -> Self:
        if self.package_index and self.objects is None:
            text = "its files are object URLs, so it needs `objects`, which is false"
            raise _error(("package_index",), text)
        return self

    @model_validator(mode="after")
    def _callers_are_distinct(self) -> Self:
        names, digests = dict[str, int](), dict[str, int]()
        for i, caller in enumerate(self.callers):
            if (name := caller.api_key) and (first := names.setdefault(name, i)) != i:
                text = f"callers.{first} has the api_key name {quoted(name)} too"
                raise _error(("callers", i, "api_key"), f"{text}; merge the grants into one entry")
            for j, digest in enumerate(caller.sha256 or ()):
                if digest in digests:
                    text = f"callers.{digests[digest]} has this digest too"
                    at = ("callers", i, "sha256", j)
                    raise _error(at, f"{text}; make a key with `presign new-key`")
                digests[digest] = i
        return self

    @model_validator(mode="after")
    def _callers_have_issuers(self) -> Self:
        for i, caller in enumerate(self.callers):
            if caller.issuer is not None and caller.issuer not in self.issuers:
                text = _unknown("issuer", caller.issuer, self.issuers)
                raise _error(("callers", i, "issuer"), text)
        sources = dict[tuple[str, str, str], str]()
        for name, each in self.issuers.items():
            other = sources.setdefault((each.issuer, each.audience, each.jwks_url), name)
            if other != name:
                text = f"the same as {quoted(other)}, so a token would match both"
                raise _error(("issuers", name), text)
        return self

    @model_validator(mode="after")
    def _people_can_sign_in(self) -> Self:
        if self.console is None or (name := self.console.issuer) is None:
            return self
        if name not in self.issuers:
            raise _error(("console", "issuer"), _unknown("issuer", name, self.issuers))
        if (text := wrong_issuer(self.issuers[name].issuer)) is not None:
            raise _error(("issuers", name, "issuer"), text)
        return self

    @model_validator(mode="after")
    def _placeholders_have_claims(self) -> Self:
        for at, grant in self._grants(with_tokens=False):
            if pointers(grant.prefix):
                found = f"(found {quoted(grant.prefix)})"
                text = f"only a token has claims; write a prefix without placeholders {found}"
                raise _error((*at, "prefix"), text)
        return self

    @model_validator(mode="after")
    def _bundle_can_be_read(self, info: ValidationInfo) -> Self:
        bundle = self.server.ca_bundle
        if bundle is not None and info.context != OFFLINE and not can_be_trusted(bundle):
            text = f"{READABLE_PEM}, here or in AWS_CA_BUNDLE (found {quoted(bundle)})"
            raise _error(("server", "ca_bundle"), text)
        return self

    @model_validator(mode="after")
    def _web_identity_has_its_token(self) -> Self:
        uses_it = any(bucket.credentials == "web_identity" for bucket in self.buckets.values())
        if uses_it and self.server.web_identity_token_file is None:
            raise ValueError("server.web_identity_token_file is missing; web_identity needs it")
        return self

    @model_validator(mode="after")
    def _credentials_are_limited(self) -> Self:
        for at, grant in self._grants():
            if Operation.CREDENTIALS not in grant.allow:
                continue
            if not self.buckets[grant.bucket].is_scoped:
                text = "needs scoped sessions: the credentials could do what all callers may do"
                raise _error((*at, "allow"), f"`credentials` {text}")
            for limit in ("max_content_length", "content_types"):
                if getattr(grant, limit) is not None:
                    text = "IAM cannot enforce it, and `credentials` would circumvent it"
                    raise _error((*at, limit), f"{text}; leave out one of the two")
        return self

    def allows(self, operation: Operation) -> bool:
        """Return whether some grant allows the operation."""
        return any(operation in grant.allow for _, grant in self._grants())

    def placed_grants(self) -> list[tuple[str, GrantSettings]]:
        """Return every grant, with its path in the file."""
        return [(".".join(map(str, at)), grant) for at, grant in self._grants()]

    def _grants(self, *, with_tokens: bool = True) -> Iterator[tuple[_Location, GrantSettings]]:
        """Yield every grant with its location, or only those of callers without tokens."""
        for i, caller in enumerate(self.callers):
            if with_tokens or caller.issuer is None:
                for j, grant in enumerate(caller.grants):
                    yield ("callers", i, "grants", j), grant
        if self.unsafe_anonymous_caller is not None:
            for j, grant in enumerate(self.unsafe_anonymous_caller.grants):
                yield ("unsafe_anonymous_caller", "grants", j), grant


def _error(at: _Location, text: str) -> PydanticCustomError:
    """Return an error of a check that compares settings. `at` is the one to change."""
    return PydanticCustomError("at", "{text}", {"at": at, "text": text})


def _unknown(kind: str, name: str, known: dict[str, Any]) -> str:
    near = get_close_matches(name, known, 1)
    suggestion = f", did you mean {quoted(near[0])}" if near else ""
    names = ", ".join(sorted(known)) or "none"
    return f"no {kind} {quoted(name)} is configured{suggestion}; there are: {names}"


def configuration_source() -> str:
    """Return where the configuration is: PRESIGN_CONFIG, or presign.yaml.

    As a Lambda it may be a URL: see `service/aws_lambda/configuration.py`.
    """
    return os.environ.get("PRESIGN_CONFIG", "presign.yaml")


def configuration_path(path: Path | None) -> Path:
    """Return `path`, or the default."""
    return path or Path(configuration_source())


def authority_files(settings: Settings) -> tuple[Path, ...]:
    """Return the certificate bundles that calls to stores and to STS trust."""
    bundles = (settings.server.ca_bundle, ambient_ca_bundle())
    return tuple(dict.fromkeys(path for path in bundles if path is not None))


def watched_files(settings: Settings) -> tuple[Path, ...]:
    """Return the other files whose change makes the service read the configuration again."""
    keys = () if settings.links is None else settings.links.keys
    static = [file for bucket in settings.buckets.values() for file in bucket.files_of_keys]
    return (*authority_files(settings), *keys, *dict.fromkeys(static))


def configuration_sources(path: Path) -> Sources:
    """Return what the configuration at `path` is read from, even if it has errors."""
    return find_sources(path, os.environ)


def callers_token() -> str | None:
    """Return the credential with which a command calls the service."""
    return os.environ.get("PRESIGN_TOKEN") or None


def load_settings(path: Path | None = None, *, offline: bool = False) -> Settings:
    """Return the settings of the file at `path`, or at the default path.

    `offline` reads no certificate files. Raises ConfigurationError with a sentence for each error.
    """
    files = read_files(configuration_path(path), os.environ)
    try:
        return Settings.model_validate(files.document, context=OFFLINE if offline else None)
    except ValidationError as invalid:
        errors = [
            {**error, "input": source(error["input"])}
            for error in without_echoes(invalid.errors(include_url=False))
        ]
        # What several buckets or callers share has its error once for each.
        problems = dict.fromkeys(_describe(error, files) for error in errors)
        raise ConfigurationError([*problems]) from None


def _describe(error: Any, files: Files) -> str:
    """Say where the error is, in a file or the environment, and what to write instead."""
    location = error.get("ctx", {}).get("at", error["loc"])
    found = _found(location, error)
    variable = _variable(location)
    is_known = error["type"] != "extra_forbidden"
    if is_known and variable in {name.upper() for name in os.environ}:
        return f"{variable}: {message(error)}{found}"
    near = None if is_known else nearest_field(Settings, location)
    text = message(error, near)
    if error["type"] == "grant_set":
        sets = files.document.get("grant_sets") or {}
        text = _unknown("grant set", error["input"], sets)
    return f"{files.place(location)}: {files.without_expansion(location, text)}{found}"


def _found(location: _Location, error: Any) -> str:
    """Quote the wrong value, if its setting is one that may be shown, or `${VAR}` in its place."""
    if error["type"] in {"at", "extra_forbidden", "grant_set", "missing"}:
        return ""
    value = error["input"]
    setting = next((part for part in reversed(location) if isinstance(part, str)), None)
    if setting not in _QUOTED and not isinstance(value, Source):
        return ""
    return f" (found {quoted(value)})" if isinstance(value, str | int | float | Path) else ""


def _variable(location: _Location) -> str | None:
    """Return the environment variable of a setting of `server`.

    pydantic omits `server` from the location if the file has no such section.
    """
    name = location[1:2] if location[:1] == ("server",) else location[:1]
    return next((f"PRESIGN_{n}".upper() for n in name if n in ServerSettings.model_fields), None)
