"""What callers share over HTTP, so that none takes it from the others."""

from dataclasses import dataclass

from service.api.batch_queue import BatchLine
from service.api.concurrency import Places
from service.api.recently_refused import RecentlyRefused


@dataclass(frozen=True, slots=True)
class Shared:
    """`places` are for all requests under way, `bodies` for those of them whose body is on its way."""

    places: Places
    bodies: Places
    batches: BatchLine
    refused: RecentlyRefused
