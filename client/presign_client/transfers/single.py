"""An upload in one request."""

from collections.abc import Iterator
from typing import Any

from presign_client.checksums import digest_of, encoded
from presign_client.errors import PresignError
from presign_client.results import Uploaded
from presign_client.signed import SignedRequest
from presign_client.transfers.job import Job
from presign_client.transfers.source import Source
from presign_client.transfers.workers import Workers


class SingleUpload:
    """One PUT of a source."""

    def __init__(self, job: Job, source: Source) -> None:
        self._job, self._source = job, source
        self._attempts = self._sent = 0

    def send(self, workers: Workers) -> Uploaded:
        """Send the bytes.

        Raises:
            PresignError: `object_exists` among others, unless the object has these bytes because
            the answer to an earlier attempt was lost.

        """
        etag: str | None = None
        try:
            answer = self._job.store.send(self._sign, lambda: self._body(workers))
            etag = answer.headers.get("etag")
        except PresignError as error:
            if error.code != "object_exists" or self._attempts == 1 or not self._is_stored():
                raise
        self._source.check_unchanged()
        return Uploaded(**self._job.bucket_and_key, size=self._source.size, etag=etag)

    def _is_stored(self) -> bool:
        """Whether the store has an object with these bytes."""
        found = self._job.api.check(**self._expected())
        return found is not None and bool(found["found"]) and not found["mismatches"]

    def wanted(self) -> dict[str, Any]:
        """Return what to sign: the members of a call, or of an item of a batch."""
        options = self._job.options
        members = {
            **self._expected(),
            "content_type": options.content_type,
            "metadata": dict(options.metadata) or None,
            "overwrite": options.overwrite or None,
        }
        return {name: value for name, value in members.items() if value is not None}

    def _sign(self) -> SignedRequest:
        self._attempts += 1
        signed = self._job.signed
        # The file may have changed since.
        if self._attempts == 1 and signed and signed.content_length == self._source.size:
            return signed
        return self._job.api.signed("upload-urls", **self.wanted())

    def _expected(self) -> dict[str, Any]:
        """Return where the bytes go, with the length and the checksum that they have now."""
        algorithm = self._job.options.checksum
        digest = encoded(digest_of(self._source.chunks(), algorithm))
        return {
            **self._job.bucket_and_key,
            "content_length": self._source.size,
            "checksum": {"algorithm": algorithm, "value": digest},
        }

    def _body(self, workers: Workers) -> Iterator[bytes]:
        workers.moved(-self._sent)  # those of the attempt before
        self._sent = 0
        for chunk in self._source.chunks():
            yield chunk
            self._sent += len(chunk)
            workers.moved(len(chunk))
