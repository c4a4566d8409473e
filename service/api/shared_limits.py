"""What callers share over HTTP, so that none takes it from the others."""

from dataclasses import dataclass

from service.api.batch_queue import BatchQueue
from service.api.concurrency import ConcurrencyLimiter
from service.api.recently_refused import RecentlyRefused


@dataclass(frozen=True, slots=True)
class SharedLimits:
    """`limiter` are for all requests under way, `bodies` for those of them whose body is on its way."""

    limiter: ConcurrencyLimiter
    bodies: ConcurrencyLimiter
    batches: BatchQueue
    refused: RecentlyRefused
