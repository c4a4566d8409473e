"""What callers share over HTTP, so that none takes it from the others."""

from dataclasses import dataclass

from service.api.admission import Places
from service.api.batch_line import BatchLine
from service.api.refused import RecentlyRefused


@dataclass(frozen=True, slots=True)
class Shared:
    """`places` are for all requests under way, `bodies` for those of them whose body is on its way."""

    places: Places
    bodies: Places
    batches: BatchLine
    refused: RecentlyRefused
