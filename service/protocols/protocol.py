"""What a protocol is to the rest of the service. Each folder has one `PROTOCOL`.

A protocol is on while the settings have its section, or while a grant allows its operation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Generic, NamedTuple, TypeVar

from fastapi import APIRouter

from service.access.grants import Operation
from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts
from service.errors import Location, NotConfigured
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.listings import Listings
from service.presigning.presigner import Presigner
from service.protocols.checked import Check
from service.s3.client import S3Client
from service.sessions.pool import SessionPool
from service.telemetry.metrics import Metrics

S = TypeVar("S")  # its section of the settings
V = TypeVar("V")  # what its use case receives of them


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
class Shared:
    """What a protocol may have of the settings besides its own section.

    `keys` seal what comes back from strangers. `store_url` is of the store that replicas share.
    """

    keys: tuple[bytes, ...] = field(default=(), repr=False)
    store_url: str | None = field(default=None, repr=False)


@dataclass
class UseCase(Generic[V]):
    """What the routes of a protocol use. It stays; a new configuration changes its `values`.

    They are None while the protocol is off. `feature` is what a caller reads that there is not.
    """

    feature: ClassVar[str]

    values: V | None

    @property
    def configured(self) -> V:
        """Raises NotConfigured if a reload has turned the protocol off."""
        if self.values is None:
            raise NotConfigured(self.feature)
        return self.values

    def configure(self, values: V | None) -> None:
        """Use other values from now on."""
        self.values = values

    def attempts(self) -> list[SharedAttempts]:
        """Return what runs in the background."""
        return []

    def not_ready(self) -> str | None:
        """Return why the replica cannot take requests yet, or None."""
        return None

    async def close(self) -> None:
        """Stop what runs in the background, and close connections."""


class NamedBucket(NamedTuple):
    """A bucket that a section names, where it names it, and the prefix below which it is used."""

    location: Location
    bucket: str
    prefix: str = ""


def _nothing(*_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Protocol(Generic[S, V]):
    """A protocol as the app composes it.

    - `section`: the field of the settings, of the type `settings`, and what becomes of it: `values`
    - `operation`: what turns on a protocol without a section
    - `use_case`: makes what the routes find by its type, with the values of the start
    - `routers`: while it is off, they only tell authenticated callers that there is no `feature`
    - `public_routers`: for people without a credential; while it is off, they do not exist
    - `api_routers`: what openapi.yaml has, so that they are always there, and say so themselves
    - `buckets`: those that a section names
    - `restart`: which changes of the values take effect only after a restart, by their names
    """

    feature: str
    use_case: Callable[[Core, V | None], UseCase[V]]
    routers: tuple[APIRouter, ...] = ()
    public_routers: tuple[APIRouter, ...] = ()
    api_routers: tuple[APIRouter, ...] = ()
    section: str | None = None
    settings: type[S] | None = None
    values: Callable[[S, Shared], V] | None = None
    operation: Operation | None = None
    check: Check[V] = field(default_factory=Check)
    buckets: Callable[[S], Iterable[NamedBucket]] = _nothing
    restart: Callable[[V, V], Iterable[str]] = _nothing

    @property
    def name(self) -> str:
        """The setting that turns it on, for operators."""
        return self.section or f"the first `{self.operation}` of a grant"

    def section_of(self, settings: object) -> S | None:
        """Return its section of all settings. None if there is none, or an empty one."""
        found = None if self.section is None else getattr(settings, self.section)
        is_section = self.settings is not None and isinstance(found, self.settings)
        return found if is_section and found else None

    def values_of(self, settings: object, shared: Shared) -> V | None:
        """Return what its use case receives of all settings. None while it is off."""
        section = self.section_of(settings)
        return None if section is None or self.values is None else self.values(section, shared)
