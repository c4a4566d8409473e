"""What routes use: the parts of the running service. `app/` makes them."""

from typing import Any, TypeVar

from service.api.limits import SharedLimits
from service.api.problems import Problems
from service.auth.token_verifier import TokenVerifier
from service.console.page_settings import Console
from service.diagnosis.service import Diagnoses
from service.protocols.served import Core, UseCase
from service.server.shutdown import Drain
from service.telemetry.metrics import Metrics

T = TypeVar("T")


class Parts:
    """The constructor's are there from the beginning, the others once the app has started.

    A plain object: Starlette's `State` takes 0.5 µs for each look-up, and a GET has five.
    """

    core: Core
    tokens: TokenVerifier
    diagnoses: Diagnoses
    console: Console

    def __init__(
        self,
        *,
        drain: Drain,
        metrics: Metrics,
        problems: Problems,
        limits: SharedLimits,
        cors_origins: frozenset[str] = frozenset(),
    ) -> None:
        self.drain = drain
        self.metrics = metrics
        self.problems = problems
        self.limits = limits
        self.cors_origins = cors_origins
        self._use_cases: dict[type[Any], Any] = {}

    def add(self, use_case: UseCase[Any]) -> None:
        """Let the routes of a protocol find its use case."""
        self._use_cases[type(use_case)] = use_case

    def use_case(self, kind: type[T]) -> T:
        """Return the use case of this type."""
        found: T = self._use_cases[kind]
        return found

    def not_ready(self) -> str | None:
        """Return why a protocol cannot take requests yet, or None."""
        return next(filter(None, (each.not_ready() for each in self._use_cases.values())), None)
