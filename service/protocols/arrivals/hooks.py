"""Hooks, and which events each is notified of. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from service.access.grants import Operation
from service.presigning.answers import Members


class Happened(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Is notified of what happens below a prefix of a bucket, by its name in the configuration.

    Each of `keys` signs. Neither they nor `url` may be shown: its path and query may be secret.
    """

    name: str
    bucket: str
    prefix: str
    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    events: frozenset[Happened] = frozenset({Happened.CREATED})

    def wants(self, key: str, happened: Happened) -> bool:
        """Whether it is notified of an object of its bucket."""
        return happened in self.events and key.startswith(self.prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTry:
    """One try to notify a hook of an object. `status` is None if the hook did not answer.

    `failure` says why it has not accepted the event, without an address.
    """

    hook: str
    webhook_id: str
    bucket: str
    s3_bucket: str
    key: str
    status: int | None = None
    failure: str | None = None

    def members(self) -> Members:
        return (
            ("decision", "allowed" if self.failure is None else "failed"),
            ("reason", self.failure),
            ("operation", Operation.NOTIFY),
            ("bucket", self.bucket),
            ("s3_bucket", self.s3_bucket),
            ("hook", self.hook),
            ("webhook_id", self.webhook_id),
            ("status", self.status),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue of SQS. Without a region in its host, `region` is that of the environment."""

    url: str
    region: str
    endpoint_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalSettings:
    """`ca_bundle` has the authorities to trust, instead of the usual ones."""

    hooks: Mapping[str, Hook]
    queue: Queue | None = None
    ca_bundle: Path | None = None

    def by_bucket(self) -> Mapping[str, Sequence[Hook]]:
        found = defaultdict[str, list[Hook]](list)
        for hook in self.hooks.values():
            found[hook.bucket].append(hook)
        return found
