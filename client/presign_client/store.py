"""Sends signed requests to the store."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import httpx

from presign_client.errors import SOURCE_CHANGED, PresignError
from presign_client.http import STORE_TIMEOUT, unreachable
from presign_client.results import SignedRequest
from presign_client.retries import Retries, TemporaryError

MAYBE_EXPIRED = frozenset({400, 403})  # a new URL shows whether it is that
RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
MAX_ERROR_BYTES = 64 * 1024
RETRYABLE_CODES = frozenset({"InternalError", "SlowDown", "ServiceUnavailable"})
Body = bytes | Iterable[bytes]
_COPY_SOURCE = "x-amz-copy-source"

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
    """Threads may share it."""

    def __init__(self, http: httpx.Client, retries: Retries) -> None:
        self._http, self.retries = http, retries

    def send(
        self, sign: Callable[[], SignedRequest], body: Callable[[], Body] | None = None
    ) -> httpx.Response:
        """Send what `sign` returns, and return the store's answer.

        Each attempt has a URL and a body of its own.

        Raises:
            PresignError: if the store refuses, or does not answer.

        """

        def attempt(_: int) -> httpx.Response:
            with self.answer(sign(), None if body is None else body()) as response:
                response.read()
                return response

        return self.retries.run(attempt)

    @contextmanager
    def answer(
        self,
        signed: SignedRequest,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """Yield the store's answer to one attempt, before its body is read.

        Raises:
            PresignError: if the store refuses.
            TemporaryError: if another attempt may succeed.

        """
        # Not compressed on the way: checksums and ranges are of the object's own bytes.
        sent = {"accept-encoding": "identity", **signed.headers, **(headers or {})}
        if signed.content_length is not None:
            # The length is signed. Without this header httpx sends chunks, which have none.
            sent["content-length"] = str(signed.content_length)
        try:
            with self._http.stream(
                signed.method,
                signed.url,
                headers=sent,
                content=body,
                timeout=STORE_TIMEOUT,
                follow_redirects=False,
            ) as response:
                if not response.is_success:
                    _refuse(response, signed)
                yield response
        except httpx.TransportError as error:
            raise TemporaryError(unreachable(error, "The store")) from None


def _refuse(response: httpx.Response, signed: SignedRequest) -> None:
    status, document = response.status_code, _error_document(response)
    found = _error_code(document)
    code = _CODES_OF_STATUSES.get(status, "storage_refused")
    code = _CODES_OF_S3.get(found, "storage_unavailable" if status in RETRYABLE else code)
    detail = f"The store refused: HTTP {status}{f', {found}' if found else ''}."
    if status == httpx.codes.PRECONDITION_FAILED and _is_about_the_source(signed, document):
        code, detail = SOURCE_CHANGED, "The object was replaced while it was read."
    if _COPY_SOURCE in signed.headers and b"larger than the maximum allowable" in document:
        raise PresignError("copy_too_large", "S3 copies objects of up to 5 GiB.", status=status)
    error = PresignError(code, detail, status=status)
    if status in RETRYABLE:
        raise TemporaryError(error)
    if status in MAYBE_EXPIRED:
        raise TemporaryError(error, tries=2)
    raise error


def _is_about_the_source(signed: SignedRequest, document: bytes) -> bool:
    """Whether what failed is the condition on what is read, not on what is written."""
    if signed.method == "GET":
        return True
    creates_only = "if-none-match" in signed.headers
    return _COPY_SOURCE in signed.headers and (
        not creates_only or _COPY_SOURCE.encode() in document.lower()
    )


def _error_document(response: httpx.Response) -> bytes:
    read = b""
    for chunk in response.iter_raw():
        read += chunk
        if len(read) > MAX_ERROR_BYTES:
            break
    return read


def _error_code(document: bytes) -> str:
    """Return the code of S3's error, or "". Its message may have the key or the URL in it."""
    found = re.search(rb"<Code>([A-Za-z0-9]{1,64})</Code>", document)
    return found[1].decode() if found else ""
