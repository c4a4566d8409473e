"""Reads ranges of one object. All threads use one URL, until it no longer works."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from presign_client.answers import length_of
from presign_client.api import Api
from presign_client.errors import SOURCE_CHANGED, UNREACHABLE, PresignError
from presign_client.retries import UNLIMITED, TemporaryError
from presign_client.signed import SignedRequest
from presign_client.store import Store

if TYPE_CHECKING:
    from presign_client.store_http import Answer


class Ranges:
    """`signed` is a URL of the object that is there already."""

    def __init__(
        self,
        api: Api,
        store: Store,
        bucket: str,
        key: str,
        *,
        version_id: str | None = None,
        signed: SignedRequest | None = None,
    ) -> None:
        self._api, self._store = api, store
        self._object = {"bucket": bucket, "key": key, "version_id": version_id}
        self._signed = signed
        self._lock = Lock()
        self._found: Mapping[str, Any] = {}
        self._find_lock = Lock()

    def between(self, start: int | None = None, end: int | None = None) -> bytes:
        """Return the bytes that a slice has: fewer beyond the end, negative ones from the end.

        Raises:
            PresignError: also `source_changed`, if the object was replaced since the first call.

        """
        with self._find_lock:
            self._found = self._found or self.find()
        found, chunks = self._found, list[bytes]()
        first, last, _ = slice(start, end).indices(found["content_length"])
        if first < last:
            self.read(first, last - first, found["etag"], chunks.append)
        return b"".join(chunks)

    def find(self) -> Mapping[str, Any]:
        """Return what the store says of a GET, which needs no grant but `download`.

        `content_length`, `etag` and, if the store says it, `last_modified`, as HTTP has it.
        """
        return self._store.retries.run(lambda _: self._find())

    def read(self, start: int, length: int, etag: str, take: Callable[[bytes], None]) -> None:
        """Pass the range to `take`, chunk by chunk. A new attempt goes on where one has failed.

        An older URL may have expired: that it is refused shows nothing.

        Raises:
            PresignError: also `source_changed`, if the object has another ETag.

        """
        begin, end = start, start + length

        def attempt(_: int) -> None:
            nonlocal start
            headers = {"range": f"bytes={start}-{end - 1}"}
            signed, is_new = self._sign()
            try:
                with self._store.answer(signed, headers=headers) as answer:
                    _check(answer, etag, end - start)
                    for chunk in answer.chunks():
                        if start + len(chunk) > end:  # in chunks of HTTP, whatever the header says
                            raise _not_the_range()
                        take(chunk)
                        start += len(chunk)
            except TemporaryError as failure:
                self._drop(signed)
                failure.reached = start - begin
                if not is_new:
                    failure.tries = UNLIMITED
                raise
            if start != end:
                error = PresignError(UNREACHABLE, "The store sent too few bytes.")
                raise TemporaryError(error, reached=start - begin)

        self._store.retries.run(attempt)

    def _find(self) -> Mapping[str, Any]:
        signed, _ = self._sign()
        try:
            with self._store.answer(signed, headers={"range": "bytes=0-0"}) as answer:
                answer.read(0)  # a byte, after which the connection is free for the next request
                size = answer.headers.get("content-range", "").rpartition("/")[2]
                if not size and answer.status != 206:  # whose length is that of the range
                    size = answer.headers.get("content-length", "")
                return {
                    "content_length": length_of(size),
                    "etag": answer.headers.get("etag", ""),
                    "last_modified": answer.headers.get("last-modified"),
                }
        except TemporaryError:
            self._drop(signed)
            raise
        except PresignError as error:
            if error.status != 416:
                raise
            return {"content_length": 0, "etag": ""}

    def _sign(self) -> tuple[SignedRequest, bool]:
        """Return the URL of all threads, and whether it is new."""
        with self._lock:
            is_new = self._signed is None
            if self._signed is None:
                self._signed = self._api.signed("download-urls", **self._object)
            return self._signed, is_new

    def _drop(self, signed: SignedRequest) -> None:
        with self._lock:
            if self._signed is signed:
                self._signed = None


def _check(answer: "Answer", etag: str, length: int) -> None:
    if answer.headers.get("etag", etag) != etag:
        raise PresignError(SOURCE_CHANGED, "The object was replaced while it was read.")
    if answer.headers.get("content-length") != str(length):
        raise _not_the_range()


def _not_the_range() -> PresignError:
    return PresignError("storage_refused", "The store did not send the range. Try again.")
