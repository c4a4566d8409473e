"""How the protocols are part of the app: their settings as values, their use cases, their routes.

A new protocol needs a field in `ProtocolValues`, if it has settings, and in `Protocols`; and, if it
has to be turned on, a row in `OPTIONAL_ROUTES`.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from fastapi import APIRouter

from service.access.grants import Operation
from service.app.settings import Settings
from service.app.shared_stores import open_links
from service.app.switched_off import switched_off
from service.clock import Clock
from service.config.links import read_key
from service.config.roots import RootSettings
from service.errors import ConfigurationError
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.listings import Listings
from service.presigning.presigner import Presigner
from service.protocols.credentials import routes as credentials
from service.protocols.credentials.vending import CredentialVending
from service.protocols.git_lfs import routes as git_lfs
from service.protocols.git_lfs.batches import Batches
from service.protocols.git_lfs.multipart import PartUploads
from service.protocols.git_lfs.repositories import LfsSettings
from service.protocols.git_lfs.routes import GitLfs
from service.protocols.git_lfs.tickets import TicketKeys
from service.protocols.links import pages, visit_routes
from service.protocols.links.service import Links, LinkSettings
from service.protocols.links.tickets import KeyRing
from service.protocols.links.visits import LinkVisits
from service.protocols.mlflow import routes as mlflow
from service.protocols.mlflow.artifacts import Artifacts
from service.protocols.mlflow.parts import FileParts
from service.protocols.mlflow.paths import FEATURE as MLFLOW
from service.protocols.mlflow.routes import Mlflow
from service.protocols.objects import routes as object_urls
from service.protocols.objects.routes import ObjectUrls
from service.protocols.package_index import routes as package_index
from service.protocols.package_index.hashes import FileHashes
from service.protocols.package_index.indexes import PackageIndexes
from service.protocols.remote_signing import routes as remote_signing
from service.protocols.remote_signing.remote_signer import RemoteSigner
from service.protocols.roots import ProtocolRoot, Roots
from service.protocols.uppy import routes as uppy
from service.protocols.uppy.uploads import UploadTarget, UppyUploads, UseCases
from service.s3.client import S3Client
from service.sessions.lifetime import Lifetime
from service.sessions.pool import SessionPool
from service.telemetry.metrics import Metrics


class OptionalRoutes(NamedTuple):
    """Routes that work only if the configuration turns them on at the start.

    `name` is the setting that does so, as the warning about a restart names it. If they are off,
    an authenticated caller reads that there is no `feature`; routes without one do not exist then.
    """

    name: str
    is_on: Callable[[Settings], bool]
    routers: tuple[APIRouter, ...]
    feature: str | None

    def active(self, settings: Settings) -> Iterable[APIRouter]:
        if self.is_on(settings):
            return self.routers
        return () if self.feature is None else (switched_off(self.routers, self.feature),)


OPTIONAL_ROUTES: Final = (
    OptionalRoutes(
        "objects",
        lambda settings: settings.objects is not None,
        (object_urls.router,),
        object_urls.FEATURE,
    ),
    OptionalRoutes(
        "links",
        lambda settings: settings.links is not None,
        (visit_routes.router, pages.router),
        None,  # visitors have no credential
    ),
    OptionalRoutes(
        "package_index",
        lambda settings: bool(settings.package_index),
        (package_index.router,),
        package_index.FEATURE,
    ),
    OptionalRoutes(
        "git_lfs",
        lambda settings: settings.git_lfs is not None,
        (git_lfs.router, git_lfs.completions),
        git_lfs.FEATURE,
    ),
    OptionalRoutes(
        "mlflow", lambda settings: settings.mlflow is not None, (mlflow.router,), MLFLOW
    ),
    OptionalRoutes(
        "uppy", lambda settings: settings.uppy is not None, (uppy.router,), uppy.FEATURE
    ),
    OptionalRoutes(
        "the first `credentials` of a grant",
        lambda settings: settings.allows(Operation.CREDENTIALS),
        (credentials.router,),
        credentials.FEATURE,
    ),
    OptionalRoutes(
        "the first `sign` of a grant",
        lambda settings: settings.allows(Operation.SIGN),
        (remote_signing.router,),
        remote_signing.FEATURE,
    ),
)


def optional_routers(settings: Settings) -> list[APIRouter]:
    return [router for each in OPTIONAL_ROUTES for router in each.active(settings)]


def restart_required(old: Settings, new: Settings) -> list[str]:
    """Return the changes that take effect only after a restart, by their settings' names."""
    names = [each.name for each in OPTIONAL_ROUTES if each.is_on(new) and not each.is_on(old)]
    if new.uppy is not None and old.uppy is not None and old.uppy.origins != new.uppy.origins:
        names.append("uppy.origins")
    has_links = old.links is not None and new.links is not None
    if has_links and old.links_store_url != new.links_store_url:
        names.append("links.store_url")
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolValues:
    """The settings of the protocols, as they receive them. None is off."""

    git_lfs: LfsSettings
    links: LinkSettings | None
    mlflow: Roots
    object_urls: Lifetime | None  # of the URLs that they redirect to
    package_indexes: Roots
    uppy: UploadTarget | None


def protocol_values(settings: Settings) -> ProtocolValues:
    """Raises ConfigurationError for a key of links that cannot be read."""
    keys = link_keys(settings)
    mlflow_roots = {} if settings.mlflow is None else settings.mlflow.roots
    objects, target = settings.objects, settings.uppy
    return ProtocolValues(
        git_lfs=_lfs_settings(settings, keys),
        links=_link_settings(settings, keys),
        mlflow=_roots("/mlflow", mlflow_roots),
        object_urls=None if objects is None else Lifetime(expires_in=objects.expires_in),
        package_indexes=_roots("/simple", settings.package_index),
        uppy=None
        if target is None
        else UploadTarget(target.bucket, target.prefix, target.expires_in),
    )


def _roots(path: str, named: Mapping[str, RootSettings]) -> Roots:
    roots = {name: ProtocolRoot(each.bucket, each.prefix) for name, each in named.items()}
    return Roots(path, roots)


def link_keys(settings: Settings) -> list[bytes]:
    """Read the keys of share links from their files. Raises ConfigurationError."""
    try:
        return [] if settings.links is None else [read_key(path) for path in settings.links.keys]
    except ValueError as error:  # they could be read when the settings were read
        raise ConfigurationError([f"links.keys: {error}"]) from None


def _link_settings(settings: Settings, keys: list[bytes]) -> LinkSettings | None:
    if (links := settings.links) is None:
        return None
    return LinkSettings(
        keys=KeyRing(keys), url=links.url.rstrip("/"), revoked=frozenset(links.revoked_links)
    )


def _lfs_settings(settings: Settings, keys: list[bytes]) -> LfsSettings:
    if (lfs := settings.git_lfs) is None:
        return LfsSettings(repositories=Roots("/lfs"))
    return LfsSettings(
        repositories=_roots("/lfs", lfs.repositories),
        url=None if lfs.url is None else lfs.url.rstrip("/"),
        multipart_threshold=lfs.multipart_threshold,
        keys=TicketKeys(keys) if keys else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What the protocols are built on. `unique_id` makes the unique segment of a new key."""

    authorizer: Authorizer
    pool: SessionPool
    presigner: Presigner
    listings: Listings
    multipart: MultipartUploads
    object_checks: ObjectChecks
    store: S3Client
    clock: Clock
    metrics: Metrics
    unique_id: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocols:
    """The protocols' use cases. Routes find each in `app.state`, by the name of its field."""

    credentials: CredentialVending
    git_lfs: GitLfs
    links: Links
    link_visits: LinkVisits
    mlflow: Mlflow
    object_urls: ObjectUrls
    package_indexes: PackageIndexes
    remote_signer: RemoteSigner
    uppy: UppyUploads

    def configure(self, values: ProtocolValues) -> None:
        """Use other settings from now on."""
        self.git_lfs.settings = values.git_lfs
        self.links.configure(values.links)
        self.link_visits.forget()
        self.mlflow.roots = values.mlflow
        self.object_urls.lifetime = values.object_urls
        self.package_indexes.roots = values.package_indexes
        self.uppy.target = values.uppy


@asynccontextmanager
async def open_protocols(
    core: Core, settings: Settings, values: ProtocolValues
) -> AsyncIterator[Protocols]:
    """Build the protocols. Until the end, share links follow the revocations of their store."""
    opening = open_links(settings, values.links, core.authorizer, core.clock, core.metrics)
    async with opening as links:
        yield Protocols(
            credentials=CredentialVending(core.authorizer, core.pool),
            git_lfs=GitLfs(
                values.git_lfs,
                Batches(
                    core.presigner, core.object_checks, PartUploads(core.multipart, core.clock)
                ),
            ),
            links=links,
            link_visits=LinkVisits(links, clock=core.clock, unique_id=core.unique_id),
            mlflow=Mlflow(
                values.mlflow,
                Artifacts(
                    core.authorizer, core.presigner, core.listings, core.object_checks, core.store
                ),
                FileParts(core.authorizer, core.store, core.multipart),
            ),
            object_urls=ObjectUrls(values.object_urls, core.listings),
            package_indexes=PackageIndexes(
                values.package_indexes,
                core.listings,
                FileHashes(core.authorizer, core.object_checks),
            ),
            remote_signer=RemoteSigner(core.authorizer),
            uppy=UppyUploads(
                values.uppy,
                UseCases(
                    authorizer=core.authorizer,
                    presigner=core.presigner,
                    multipart=core.multipart,
                    store=core.store,
                ),
                core.unique_id,
            ),
        )
