"""The interface between a protocol and the rest of the service. Each folder has one `PROTOCOL`.

A protocol is on while the settings have its section, or while a grant allows its operation.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from service.access.grants import Operation
from service.errors import Location
from service.protocols.checked import Check, nothing

if TYPE_CHECKING:
    from service.protocols.served import Served

S = TypeVar("S")  # its section of the settings
V = TypeVar("V")  # what its use case receives of them


class Issuer(NamedTuple):
    """One entry of the issuers of callers' tokens."""

    url: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """The settings that a protocol may have besides its own section.

    `keys` seal what comes back from strangers; where there are some, `public_url` is the address of
    the service, without a slash at its end. `store_url` is of the store that replicas share.
    `ca_bundle` has the authorities that calls trust, instead of the usual ones. `issuers` are by
    name. `has_link_store` is whether there is a store that lists share links.
    """

    keys: tuple[bytes, ...] = field(default=(), repr=False)
    public_url: str = ""
    store_url: str | None = field(default=None, repr=False)
    ca_bundle: Path | None = None
    issuers: Mapping[str, Issuer] = field(default_factory=dict)
    has_link_store: bool = False


class NamedBucket(NamedTuple):
    """A bucket that a section names, where it names it, and the prefix below which it is used."""

    location: Location
    bucket: str
    prefix: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Protocol(Generic[S, V]):
    """The part of a protocol that needs no FastAPI: its settings and its `presign check` report.

    - `routes`: the module with `SERVED`, which needs FastAPI
    - `section`: the field of the settings, of the type `settings`, and what becomes of it: `values`
    - `operation`: what turns on a protocol without a section
    - `buckets`: those that a section names
    - `restart`: return the changed settings that need a restart, by name
    - `unseen_while_off`: then its routes are not even imported, and nobody reads that it is off
    """

    routes: str
    section: str | None = None
    settings: type[S] | None = None
    values: Callable[[S, Shared], V] | None = None
    operation: Operation | None = None
    check: Check[V] = field(default_factory=Check)
    buckets: Callable[[S], Iterable[NamedBucket]] = nothing
    restart: Callable[[V, V], Iterable[str]] = nothing
    unseen_while_off: bool = False

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

    def served(self) -> "Served[V]":
        """Import what serves it."""
        module: Any = import_module(self.routes)
        served: Served[V] = module.SERVED
        return served
