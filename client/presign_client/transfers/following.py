"""The checksum of a file, computed while others fill it."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from presign_client.checksums import new_digest
from presign_client.transfers.plan import Part


class Following:
    """Computes a checksum in a thread of its own, part by part, from the first.

    `read` returns the bytes of a part, once `filled` has said that they are there. A/B, `presign
    get` of 400 MB with its SHA-256 at 150 MiB/s, medians of 11: 3.37 s, and 4.12 s if the file is
    read once it is whole; 0.75 and 0.73 s of CPU. Of a stream, whose chunks a thread got by a
    queue, it did not pay: 3.02 s and 2.45 s without it, on a busy machine, 0.57 and 0.54 s of CPU.
    """

    def __init__(self, algorithm: str, read: Callable[[Part], Iterable[bytes]]) -> None:
        self._digest, self._read = new_digest(algorithm), read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="presign-checksum")
        self._early: dict[int, Part] = {}  # those before them are not there
        self._next = 1
        self._updates: list[Future[None]] = []

    def __enter__(self) -> "Following":  # noqa: PYI034 - typing has no Self before 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def filled(self, part: Part) -> None:
        self._early[part.number] = part
        while following := self._early.pop(self._next, None):
            self._updates.append(self._thread.submit(self._update, following))
            self._next += 1

    def digest(self) -> bytes:
        """Return the checksum of all parts. An error of `read` is raised."""
        for update in self._updates:
            update.result()
        return self._digest.digest()

    def _update(self, part: Part) -> None:
        for chunk in self._read(part):
            self._digest.update(chunk)
