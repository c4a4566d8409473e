"""What serves a protocol: its routes, and the use case that they find by its type."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fastapi import APIRouter

from service.access.surfaces import Surface
from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts
from service.concurrency.waiting import Waiting
from service.errors import NotConfigured
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.listings import Listings
from service.presigning.presigner import Presigner
from service.s3.client import S3Client
from service.sessions.pool import SessionPool
from service.telemetry.metrics import Metrics

V = TypeVar("V")  # what its use case receives of the settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What the protocols are built on.

    `waiting` limits how many requests wait. `unique_id` makes the unique segment of a new key.
    """

    authorizer: Authorizer
    pool: SessionPool
    presigner: Presigner
    listings: Listings
    multipart: MultipartUploads
    object_checks: ObjectChecks
    store: S3Client
    clock: Clock
    metrics: Metrics
    waiting: Waiting
    unique_id: Callable[[], str]


@dataclass
class UseCase(Generic[V]):
    """What a protocol's routes use. It stays; a new configuration changes its `values`."""

    feature: str = field(init=False, repr=False)  # the app sets that of `Served`
    values: V | None  # None while the protocol is off

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


@dataclass(frozen=True, kw_only=True)
class Served(Generic[V]):
    """A protocol as the app composes it.

    - `use_case`: makes what the routes find by its type, with the values of the start
    - `feature`: the name in the error `This service does not offer …`
    - `routers`: while it is off, they only answer authenticated callers with that error
    - `public_routers`: for people without a credential; while it is off, they do not exist
    - `surface`: whose downloads these are, for buckets that CloudFront delivers
    - `api_routers`: routes in openapi.yaml. They are always registered. While off, each handler
      raises NotConfigured.
    """

    feature: str
    use_case: Callable[[Core, V | None], UseCase[V]]
    routers: tuple[APIRouter, ...] = ()
    public_routers: tuple[APIRouter, ...] = ()
    api_routers: tuple[APIRouter, ...] = ()
    surface: Surface = "protocols"
