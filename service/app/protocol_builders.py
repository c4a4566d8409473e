"""Turns the settings of protocols into the values that these receive."""

from pydantic import SecretStr

from service.config.links import read_key
from service.config.settings import Settings
from service.errors import ConfigurationError
from service.protocols.git_lfs.repositories import LfsSettings, Repository
from service.protocols.git_lfs.tickets import TicketKeys
from service.protocols.links.service import LinkSettings
from service.protocols.links.tickets import KeyRing
from service.protocols.mlflow.paths import Root
from service.protocols.package_index.indexes import PackageIndex
from service.protocols.uppy.uploads import UploadTarget
from service.sessions.lifetime import Lifetime


def uppy_target(settings: Settings) -> UploadTarget | None:
    uppy = settings.uppy
    return None if uppy is None else UploadTarget(uppy.bucket, uppy.prefix, uppy.expires_in)


def object_url_lifetime(settings: Settings) -> Lifetime | None:
    """Of the URLs that object URLs redirect to. None if there are no object URLs."""
    return None if settings.objects is None else Lifetime(expires_in=settings.objects.expires_in)


def package_indexes(settings: Settings) -> dict[str, PackageIndex]:
    return {
        name: PackageIndex(each.bucket, each.prefix)
        for name, each in settings.package_index.items()
    }


def lfs_settings(settings: Settings) -> LfsSettings:
    """What Git LFS needs of the configuration. Raises ConfigurationError for an unreadable key."""
    if (lfs := settings.git_lfs) is None:
        return LfsSettings()
    keys = link_keys(settings)
    return LfsSettings(
        repositories={
            name: Repository(each.bucket, each.prefix) for name, each in lfs.repositories.items()
        },
        url=None if lfs.url is None else lfs.url.rstrip("/"),
        multipart_threshold=lfs.multipart_threshold,
        keys=TicketKeys(keys) if keys else None,
    )


def mlflow_roots(settings: Settings) -> dict[str, Root]:
    roots = {} if settings.mlflow is None else settings.mlflow.roots
    return {name: Root(each.bucket, each.prefix) for name, each in roots.items()}


def link_keys(settings: Settings) -> list[bytes]:
    """The keys of share links, read from their files. Raises ConfigurationError."""
    try:
        return [] if settings.links is None else [read_key(path) for path in settings.links.keys]
    except ValueError as error:  # they could be read when the settings were read
        raise ConfigurationError([f"links.keys: {error}"]) from None


def link_settings(settings: Settings) -> LinkSettings | None:
    """What links need of the configuration. Raises ConfigurationError for an unreadable key."""
    if (links := settings.links) is None:
        return None
    return LinkSettings(
        keys=KeyRing(link_keys(settings)),
        url=links.url.rstrip("/"),
        revoked=frozenset(links.revoked_links),
    )


def links_store_url(settings: Settings) -> SecretStr | None:
    """The URL of the store of uses and revocations."""
    own = None if settings.links is None else settings.links.store_url
    return own or settings.server.rate_limit_url
