"""The part of `presign check` about one protocol, and the configuration that it reads."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.access.callers import CallerEntry
from service.access.grants import Grant
from service.errors import ConfigurationProblem, Location
from service.presigning.bucket import Bucket
from service.protocols.rights import Right, Target

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedConfiguration:
    """The configuration as the service uses it.

    `session_seconds` are by bucket, `callers` have their locations in the file, `sections` are the
    names of those that are there, and `cors_origins` are of pages that may call the API.
    """

    buckets: Mapping[str, Bucket]
    session_seconds: Mapping[str, int]
    callers: Sequence[tuple[Location, CallerEntry]]
    sections: frozenset[str]
    cors_origins: Sequence[str]

    def grants(self) -> Iterator[tuple[Location, Grant]]:
        """Yield each grant with its location in the file."""
        for location, entry in self.callers:
            for i, grant in enumerate(entry.grants):
                yield (*location, "grants", i), grant


def nothing(*_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[V]):
    """The lines about a protocol: in general, about each caller, and about risks and mistakes.

    What the uses of `targets` need says already where they are, who may use them, and what nobody
    may. `rights` are those without a target. While the protocol is off, only `warnings` are asked
    for, with None for the values.
    """

    describe: Callable[[V], Iterable[str]] = nothing
    targets: Callable[[V, CheckedConfiguration], Iterable[Target]] = nothing
    rights: Callable[[V, CallerEntry, CheckedConfiguration], Iterable[Right]] = nothing
    warnings: Callable[[V | None, CheckedConfiguration], Iterable[ConfigurationProblem]] = nothing
