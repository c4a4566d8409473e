"""Sends signed requests to the store."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from presign_client.errors import PRECONDITION_FAILED, SOURCE_CHANGED, PresignError
from presign_client.retries import Retries, TemporaryError
from presign_client.signed import SignedRequest

if TYPE_CHECKING:
    from urllib3 import PoolManager

    from presign_client.store_http import Answer, Body, StoreHttp

MAYBE_EXPIRED = frozenset({400, 403})  # a new URL shows whether it is that
RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
SLOW_DOWN = frozenset({429, 503})
REFUSED = "storage_refused"
RETRYABLE_CODES = frozenset({"InternalError", "SlowDown", "ServiceUnavailable"})
_COPY_SOURCE = "x-amz-copy-source"
_EXPIRES = re.compile("[?&]X-Amz-Expires=([0-9]{1,9})(?:&|$)")
NO_POOL = (
    "`http` is for calls of presign alone. For the store give `pool`, too: a urllib3.PoolManager, "
    "such as urllib3.ProxyManager('http://proxy.example.com:3128')."
)
COPY_SOURCE_CHANGED = "The object has changed, and was not copied."
COPY_SOURCE_GONE = "The object that was to be copied is not there."

_CODES_OF_STATUSES: Mapping[int, str] = {
    404: "not_found",
    409: "write_conflict",
    412: "object_exists",
}
_CODES_OF_S3: Mapping[str, str] = {
    "BadDigest": "checksum_mismatch",
    "InvalidDigest": "checksum_mismatch",
    "XAmzContentChecksumMismatch": "checksum_mismatch",
    "NoSuchUpload": "upload_not_found",
}


class Store:
    """Threads may share it. `pool` replaces the connections that it makes itself.

    With `needs_pool`, it makes none. `slow_downs` counts how often the store has asked for fewer
    requests.
    """

    def __init__(
        self, retries: Retries, pool: "PoolManager | None" = None, *, needs_pool: bool = False
    ) -> None:
        self.retries, self._given, self._lock = retries, pool, Lock()
        self._needs_pool, self.slow_downs = needs_pool, 0
        self._http: StoreHttp | None = None

    def close(self) -> None:
        if self._http is not None:
            self._http.close()

    def send(
        self,
        sign: Callable[[], SignedRequest],
        body: "Callable[[], Body] | None" = None,
    ) -> "Answer":
        """Send what `sign` returns, and return the store's answer, whose start has been read.

        Each attempt has a URL and a body of its own. A refusal after the URL's end is like an
        answer that was lost.

        Raises:
            PresignError: if the store refuses, or does not answer.

        """

        def attempt(_: int) -> "Answer":
            signed = sign()
            validity = _Validity(signed, self.retries.now)
            sent = None if body is None else validity.counted(body())
            try:
                with self.answer(signed, sent) as answer:
                    answer.read()
                    return answer
            except TemporaryError as failure:
                raise validity.judged(failure) from None

        return self.retries.run(attempt)

    @contextmanager
    def answer(
        self,
        signed: SignedRequest,
        body: "Body | None" = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Iterator[Answer]":
        """Yield the store's answer to one attempt, before its body is read.

        Raises:
            PresignError: if the store refuses.
            TemporaryError: if another attempt may succeed.

        """
        # Not compressed on the way: checksums and ranges are of the object's own bytes.
        sent = {"accept-encoding": "identity", **signed.headers, **(headers or {})}
        if signed.content_length is not None:
            # The length is signed. Without this header urllib3 sends chunks, which have none.
            sent["content-length"] = str(signed.content_length)
            body = None if body is None else _exactly(signed.content_length, body)
        with self._connected().answer(signed.method, signed.url, sent, body) as answer:
            if answer.status in SLOW_DOWN:
                with self._lock:
                    self.slow_downs += 1
            if not 200 <= answer.status < 300:
                _refuse(answer, signed)
            yield answer

    def _connected(self) -> "StoreHttp":
        if self._given is None and self._needs_pool:  # else bytes would pass by a proxy unseen
            raise ValueError(NO_POOL)
        # Imported here: what asks presign alone does not wait for it.
        from presign_client.store_http import StoreHttp  # noqa: PLC0415

        with self._lock:
            self._http = self._http or StoreHttp(self._given)
            return self._http


def _exactly(length: int, body: "Body") -> "Iterator[bytes]":
    """Yield the body. The store would take bytes beyond the length for another request."""
    left = length
    for chunk in body:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise PresignError(SOURCE_CHANGED, "The length of what is sent is not the signed one.")


class _Validity:
    """How long the URL of an attempt was valid, and how many bytes were sent meanwhile.

    A store, or a proxy that reads the whole request first, may look at a URL only once it has the
    body. A faster attempt then gets further before the URL's end.
    """

    def __init__(self, signed: SignedRequest, now: Callable[[], float]) -> None:
        found = _EXPIRES.search(signed.url)
        self._lifetime = int(found[1]) if found else None
        self._now, self._began = now, now()
        self._in_time = 0

    def counted(self, body: "Body") -> Iterator[bytes]:
        for chunk in body:
            yield chunk
            if not self._is_over():
                self._in_time += len(chunk)

    def judged(self, failure: TemporaryError) -> TemporaryError:
        """Return the failure of the attempt, or that of an expired URL if it may be this."""
        error = failure.error
        if error.status not in MAYBE_EXPIRED or error.code != REFUSED or not self._is_over():
            return failure
        detail = (
            f"{error.detail} The URL was valid for {self._lifetime} seconds, and the request took "
            "longer. Send smaller parts, or fewer at a time."
        )
        expired = PresignError(error.code, detail, status=error.status)
        return TemporaryError(expired, reached=self._in_time)

    def _is_over(self) -> bool:
        return self._lifetime is not None and self._now() - self._began >= self._lifetime


def _refuse(answer: "Answer", signed: SignedRequest) -> None:
    status, document = answer.status, answer.read()
    found = _error_code(document)
    code = _CODES_OF_STATUSES.get(status, REFUSED)
    code = _CODES_OF_S3.get(found, "storage_unavailable" if status in RETRYABLE else code)
    detail = f"The store refused: HTTP {status}{f', {found}' if found else ''}."
    if status == 412:
        code, detail = _failed_condition(signed, document) or (code, detail)
    if _COPY_SOURCE in signed.headers and status == 404 and found != "NoSuchBucket":
        detail = COPY_SOURCE_GONE
    if _COPY_SOURCE in signed.headers and b"larger than the maximum allowable" in document:
        raise PresignError("copy_too_large", "S3 copies objects of up to 5 GiB.", status=status)
    error = PresignError(code, detail, status=status)
    if status in RETRYABLE:
        raise TemporaryError(error)
    if status in MAYBE_EXPIRED:
        raise TemporaryError(error, tries=2)
    raise error


def _failed_condition(signed: SignedRequest, document: bytes) -> tuple[str, str] | None:
    """Return code and detail of what is read, or None if the condition was on what is written.

    S3 names the condition of a copy that failed, other stores do not.
    """
    if signed.method == "GET":
        return SOURCE_CHANGED, "The object was replaced while it was read."
    if _COPY_SOURCE not in signed.headers:
        return None
    found = re.search(rb"<Condition>([^<]*)</Condition>", document)
    named = found[1].decode("ascii", "replace").lower() if found else ""
    if "if-none-match" not in signed.headers or named.startswith(_COPY_SOURCE):
        return SOURCE_CHANGED, COPY_SOURCE_CHANGED
    if f"{_COPY_SOURCE}-if-match" not in signed.headers or named == "if-none-match":
        return None
    detail = "The target exists, or the source has changed. The store does not say which."
    return PRECONDITION_FAILED, detail


def _error_code(document: bytes) -> str:
    """Return the code of S3's error, or "". Its message may have the key or the URL in it."""
    found = re.search(rb"<Code>([A-Za-z0-9]{1,64})</Code>", document)
    return found[1].decode() if found else ""
