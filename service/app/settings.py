"""The settings, read from the configuration file and the environment.

The file is `presign.yaml`, or the path in PRESIGN_CONFIG. Each setting of `server` can also come
from the environment (PRESIGN_LOG_LEVEL …), which wins. Unknown settings and duplicate keys are
errors, so that a misspelt limit is not a missing limit.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, PrivateAttr, ValidationError, ValidationInfo, model_validator

from service.access.grants import Operation
from service.app.cross_checks import conflicts
from service.app.protocols import PROTOCOLS, AnyProtocol
from service.config.buckets import BucketDefaults, BucketSettings
from service.config.caller_texts import CallerTexts, KnownCallers
from service.config.callers import AnonymousSettings, CallerSettings, GrantSettings, IssuerSettings
from service.config.console import Console
from service.config.expansion import original_text
from service.config.messages import KEY, Missing, describe, drop_redundant, refusal, unknown_name
from service.config.process import configuration_files, located, unread_variables
from service.config.quoting import Shown
from service.config.reading import Files
from service.config.server import ServerSettings, ambient_ca_bundle
from service.config.sharing import with_shared_settings
from service.config.types import OFFLINE, Name, Section
from service.errors import ConfigurationError, ConfigurationProblem, Location
from service.protocols.arrivals.settings import ArrivalsSettings
from service.protocols.build_caches.settings import BuildCacheSettings
from service.protocols.git_lfs.settings import GitLfsSettings
from service.protocols.hugging_face.settings import HuggingFaceSettings
from service.protocols.links.settings import LinksSettings
from service.protocols.mcp.settings import Mcp
from service.protocols.mlflow.settings import MlflowSettings
from service.protocols.objects.settings import Objects, ObjectUrlSettings
from service.protocols.package_index.settings import PackageIndexSettings
from service.protocols.protocol import NamedBucket
from service.protocols.uppy.settings import UppySettings


class Settings(Section):
    protocols: ClassVar[tuple[AnyProtocol, ...]] = PROTOCOLS

    server: ServerSettings = Field(default_factory=ServerSettings)
    """Settings of the process."""

    buckets: Annotated[
        dict[Name, BucketSettings], Missing("write at least one bucket, as in presign.example.yaml")
    ] = Field(min_length=1)
    """Each by the name that callers use."""

    bucket_defaults: BucketDefaults = Field(default_factory=BucketDefaults)
    """Keys of all buckets, except `bucket`. A bucket's own key replaces the whole default, and
    `null` removes it."""

    buckets_dir: Path | None = None  # `read_files` has added its buckets
    """Directory, relative to this file, whose `*.yaml` files have `buckets:` alone. Then this file
    needs none."""

    issuers: dict[Name, IssuerSettings] = Field(default_factory=dict)
    """Issuers of callers' tokens. `callers`, the audit trail and `GET /v1/caller` use the name."""

    grant_sets: dict[Name, tuple[GrantSettings, ...]] = Field(default_factory=dict)
    """Lists for callers that write `grants: NAME`."""

    callers: tuple[CallerSettings, ...] = ()
    """Who may request what. A caller has the grants of all entries that match it."""

    callers_dir: Path | None = None  # `read_files` has added its callers
    """Directory, relative to this file, whose `*.yaml` files have `callers:` alone, such as one for
    each team. `${VAR}` is an error there: its authors may not read the service's secrets."""

    unsafe_anonymous_caller: AnonymousSettings | None = None
    """What a request without `Authorization` may do. For demos and tests only."""

    objects: Objects = Field(default_factory=ObjectUrlSettings)
    """[Object URLs](object-urls.md) at `/o/{bucket}/{key}`. On by default: `objects: false` turns
    them off."""

    package_index: dict[Name, PackageIndexSettings] = Field(default_factory=dict)
    """Python [package indexes](package-index.md) at `/simple/{name}/`. The first takes effect after
    a restart."""

    git_lfs: GitLfsSettings | None = None
    """[Git LFS](git-lfs.md) at `/lfs/{repository}`."""

    mlflow: MlflowSettings | None = None
    """[MLflow](mlflow.md)'s artifacts at `/api/2.0/mlflow-artifacts`."""

    hugging_face: HuggingFaceSettings | None = None
    """What clients of the [Hugging Face Hub](hugging-face.md) may read at `/hf`."""

    build_caches: dict[Name, BuildCacheSettings] = Field(default_factory=dict)
    """Remote [build caches](build-caches.md) for Turborepo and Nx at `/caches/{name}`. The first
    takes effect after a restart."""

    uppy: UppySettings | None = None
    """What [Uppy](uppy.md) in a browser may request at `/uppy`."""

    links: LinksSettings | None = None
    """[Share links](share-links.md) at `/l/…`."""

    sts: Shown[bool] = False
    """[AssumeRoleWithWebIdentity](credentials.md#assumerolewithwebidentity) at `/sts`, for grants
    with `credentials`."""

    mcp: Shown[Mcp] = None
    """[Tools for agents](mcp.md), by MCP, at `/mcp`."""

    arrivals: ArrivalsSettings | None = None
    """Which hooks are notified [when an upload has arrived](arrivals.md)."""

    console: Shown[Console] = None
    """[A page for people](console.md) at `/console`."""

    _texts: CallerTexts = PrivateAttr(default_factory=CallerTexts)

    @model_validator(mode="before")
    @classmethod
    def _share(cls, document: Any) -> Any:
        return with_shared_settings(document) if isinstance(document, Mapping) else document

    @model_validator(mode="after")
    def _sections_fit(self, info: ValidationInfo) -> Self:
        before = info.context if isinstance(info.context, Settings) else None
        if found := conflicts(self, offline=info.context == OFFLINE, before=before):
            raise refusal(found)
        return self

    def read_from(self, texts: CallerTexts) -> Self:
        """Remember what the callers were read from, and return the settings."""
        self._texts = texts
        return self

    def known_callers(self) -> KnownCallers:
        """Return the callers by their texts."""
        texts = zip(self._texts.digests, self.callers, strict=True) if self._texts.digests else ()
        return KnownCallers({text: caller for text, caller in texts if text is not None})

    def has_grant_sets_of(self, texts: CallerTexts) -> bool:
        """Whether what these callers have by the name of a set is still the same."""
        return bool(self._texts.grant_sets == texts.grant_sets)

    @cached_property
    def distinct_grants(self) -> tuple[GrantSettings, ...]:
        """One grant for each bucket, operations, lifetime and names of tags that grants have.

        40,000 callers take 20 ms, and have a few hundred. A `model_copy` has those of its original.
        """
        grants = chain.from_iterable(caller.grants for caller in self._all_callers())
        found = {
            (each.bucket, each.allow, each.max_expires_in, (*(each.only_if_tagged or ()),)): each
            for each in grants
        }
        return tuple(found.values())

    def allows(self, operation: Operation) -> bool:
        """Return whether some grant allows the operation."""
        return any(operation in grant.allow for grant in self.distinct_grants)

    def named_buckets(self) -> Iterator[NamedBucket]:
        """Yield the buckets that the sections of protocols name."""
        for protocol in self.protocols:
            if (section := protocol.section_of(self)) is not None:
                yield from protocol.buckets(section)

    def caller_locations(self) -> list[Location]:
        """Return the location of each caller, and last that of the anonymous one."""
        locations: list[Location] = [("callers", i) for i in range(len(self.callers))]
        return [
            *locations,
            *([("unsafe_anonymous_caller",)] if self.unsafe_anonymous_caller else []),
        ]

    def located_grants(
        self, but_of: AbstractSet[int] = frozenset()
    ) -> list[tuple[Location, GrantSettings]]:
        """Return every grant, with its location in the file.

        `but_of` are the ids of callers whose grants are left out.
        """
        return [
            ((*at, "grants", i), grant)
            for at, caller in zip(self.caller_locations(), self._all_callers(), strict=True)
            if id(caller) not in but_of
            for i, grant in enumerate(caller.grants)
        ]

    def _all_callers(self) -> list[CallerSettings | AnonymousSettings]:
        """Return the callers, and last the anonymous one."""
        anonymous = self.unsafe_anonymous_caller
        return [*self.callers, *([anonymous] if anonymous else [])]


def authority_files(settings: Settings) -> tuple[Path, ...]:
    """Return the certificate bundles that calls to stores and to STS trust."""
    bundles = (settings.server.ca_bundle, ambient_ca_bundle())
    return tuple(dict.fromkeys(path for path in bundles if path is not None))


def watched_files(settings: Settings) -> tuple[Path, ...]:
    """Return the other files whose change makes the service read the configuration again."""
    keys = () if settings.links is None else settings.links.keys
    static = [file for bucket in settings.buckets.values() for file in bucket.files_of_keys]
    delivered = [bucket.cloudfront for bucket in settings.buckets.values() if bucket.cloudfront]
    private = [file for distribution in delivered for file in distribution.key_files]
    return (*authority_files(settings), *keys, *dict.fromkeys([*static, *private]))


def load_settings(path: Path | None = None, *, offline: bool = False) -> Settings:
    """Return the settings of the file at `path`, or at the default path.

    `offline` reads no certificate files. Raises ConfigurationError with each error.
    """
    return load_with_files(path, offline=offline)[0]


def load_again(path: Path, old: Settings) -> Settings:
    """Return the settings of the file at `path`, with the callers of `old` whose text is the same.

    If one of 40,000 has changed, that takes a tenth of `load_settings`. Raises ConfigurationError.
    """
    with suppress(ConfigurationError):  # only the whole text has the lines of all mistakes
        files = configuration_files(path, old.known_callers())
        if old.has_grant_sets_of(files.texts):
            return settings_of(files, old)
    return load_settings(path)


def load_with_files(path: Path | None, *, offline: bool = False) -> tuple[Settings, Files]:
    """Return the settings, and the files that know where each is. Otherwise as `load_settings`."""
    files = configuration_files(path)
    return settings_of(files, OFFLINE if offline else None), files


def settings_of(files: Files, context: Settings | str | None = None) -> Settings:
    """Return the settings of a document that was read. Otherwise as `load_settings`.

    `context` may be OFFLINE, or the settings whose callers the document has: what these were
    compared with is not compared again.
    """
    problems = unread_variables(files)
    try:
        settings = Settings.model_validate(files.document, context=context)
    except ValidationError as invalid:
        errors = drop_redundant(invalid.errors(include_url=False))
        # What several buckets or callers share has its error once for each.
        problems += dict.fromkeys(_problem(error, files) for error in errors)
    if problems:
        problems.sort(key=lambda each: each.place)
        raise ConfigurationError(problems)
    return settings.read_from(files.texts)


def _problem(error: Any, files: Files) -> ConfigurationProblem:
    """Say what is wrong, where, and what to write instead."""
    is_known = error["type"] != "extra_forbidden"
    whole = _whole(error["loc"]) if is_known else error["loc"]
    error = {**error, "input": original_text(error["input"]), "loc": whole}
    text = describe(error, Settings)
    if error["type"] == "grant_set":
        text = unknown_name("grant set", error["input"], files.document.get("grant_sets") or {})
    location = tuple(part for part in error["loc"] if part != KEY)
    other = error.get("ctx", {}).get("other_location")
    problem = ConfigurationProblem(text, location, other=other)
    return located(problem, files) if is_known else files.located(problem)


def _whole(location: Location) -> Location:
    """Add `server`, which pydantic omits for a variable if the file has no such section."""
    is_short = location[:1] and location[0] in ServerSettings.model_fields
    return ("server", *location) if is_short else location
