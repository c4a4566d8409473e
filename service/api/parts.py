"""What routes use: the parts of the running service. `app/` makes them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from service.api.client_address import TrustedProxies
from service.api.limits import SharedLimits
from service.api.problems import Problems
from service.api.shutdown import Drain
from service.auth.token_verifier import TokenVerifier
from service.clock import Clock
from service.concurrency.shared_attempts import SharedAttempts
from service.concurrency.waiting import Waiting
from service.diagnosis.service import Diagnoses
from service.errors import NotConfigured
from service.multipart.object_checks import ObjectChecks
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.listings import Listings
from service.presigning.presigner import Presigner
from service.s3.client import S3Client
from service.sessions.pool import SessionPool
from service.telemetry.metrics import Metrics

T = TypeVar("T")
V = TypeVar("V")  # what a use case receives of the settings


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
    """What the routes of a feature use. It stays; a new configuration changes its `values`.

    `front_page` is a line for the page at `/` while the feature is on. It is HTML.
    """

    front_page: ClassVar[str | None] = None
    feature: str = field(init=False, repr=False)  # the app sets that of `Served`
    values: V | None  # None while the feature is off

    @property
    def configured(self) -> V:
        """Raises NotConfigured if a reload has turned the feature off."""
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


class Parts:
    """The constructor's are there from the beginning, the others once the app has started.

    A plain object: Starlette's `State` takes 0.5 µs for each look-up, and a GET has five.
    """

    core: Core
    tokens: TokenVerifier
    diagnoses: Diagnoses

    def __init__(
        self,
        *,
        drain: Drain,
        metrics: Metrics,
        problems: Problems,
        limits: SharedLimits,
        cors_origins: frozenset[str] = frozenset(),
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.drain = drain
        self.metrics = metrics
        self.problems = problems
        self.limits = limits
        self.cors_origins = cors_origins
        self.proxies = proxies
        self._use_cases: dict[type[Any], Any] = {}

    def add(self, use_case: UseCase[Any]) -> None:
        """Let the routes of a feature find its use case."""
        self._use_cases[type(use_case)] = use_case

    def use_case(self, kind: type[T]) -> T:
        """Return the use case of this type."""
        found: T = self._use_cases[kind]
        return found

    def front_page(self) -> list[str]:
        """Return a line for each feature that is on and has one, as HTML."""
        on = (each for each in self._use_cases.values() if each.values is not None)
        return [each.front_page for each in on if each.front_page is not None]

    def not_ready(self) -> str | None:
        """Return why a protocol cannot take requests yet, or None."""
        return next(filter(None, (each.not_ready() for each in self._use_cases.values())), None)
