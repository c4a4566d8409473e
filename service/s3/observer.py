"""Reports each call to a store to metrics and traces."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from service.clock import Clock
from service.errors import Overloaded, StorageRefused
from service.s3.errors import S3Error
from service.telemetry.spans import Spans


class S3Observer(Protocol):
    def store_called(self, bucket: str, action: str, outcome: str, seconds: float) -> None:
        """A call has ended: `ok`, `refused`, `unavailable`, `overloaded` or `cancelled`.

        `unavailable`: the store failed. `overloaded`: there was no free slot, and nothing was sent.
        `cancelled`: the service ended meanwhile. A caller that goes away cancels nothing.
        """


@contextmanager
def observed(
    bucket: str, action: str, *, clock: Clock, observer: S3Observer, spans: Spans
) -> Iterator[None]:
    """Report the call that the block makes, with its outcome."""
    started_at = clock.boot()
    with spans.call(f"S3.{action}", {"presign.bucket": bucket}) as call:
        try:
            yield
        except BaseException as error:
            call.outcome = _outcome(error)
            raise
        finally:
            observer.store_called(bucket, action, call.outcome, clock.boot() - started_at)


def _outcome(error: BaseException) -> str:
    match error:
        case S3Error() | StorageRefused():
            return "refused"
        case Overloaded():
            return "overloaded"
        case asyncio.CancelledError():
            return "cancelled"
        case _:
            return "unavailable"
