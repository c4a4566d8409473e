"""An upload in one request."""

from collections.abc import Iterator
from typing import Any

from presign_client.checksums import digest_of, encoded
from presign_client.errors import PresignError
from presign_client.results import SignedRequest, Uploaded
from presign_client.transfers.job import Job
from presign_client.transfers.source import Source
from presign_client.transfers.workers import Workers


class SingleUpload:
    """One PUT. `signed`, if given, is used for the first attempt."""

    def __init__(self, job: Job, source: Source) -> None:
        self._job, self._source = job, source
        self._attempts = self._sent = 0

    def request(self) -> dict[str, Any]:
        """Return the body of the call that signs it, with the checksum of the bytes of now."""
        options = self._job.options
        digest = encoded(digest_of(self._source.chunks(), options.checksum))
        members = {
            **self._job.place,
            "content_length": self._source.size,
            "content_type": options.content_type,
            "checksum": {"algorithm": options.checksum, "value": digest},
            "metadata": dict(options.metadata) or None,
            "overwrite": options.overwrite or None,
        }
        return {name: value for name, value in members.items() if value is not None}

    def send(self, workers: Workers, signed: SignedRequest | None = None) -> Uploaded:
        """Send the bytes.

        Raises:
            PresignError: `object_exists` among others, unless the object has these bytes because
            the answer to an earlier attempt was lost.

        """
        etag: str | None = None
        try:
            answer = self._job.store.send(lambda: self._sign(signed), lambda: self._body(workers))
            etag = answer.headers.get("etag")
        except PresignError as error:
            if error.code != "object_exists" or self._attempts == 1 or not self.is_stored():
                raise
        self._source.check_unchanged()
        return Uploaded(**self._job.place, size=self._source.size, etag=etag)

    def is_stored(self) -> bool:
        """Whether the store has an object with these bytes."""
        request = self.request()
        names = ("bucket", "key", "content_length", "checksum")
        found = self._job.api.check(**{name: request[name] for name in names})
        return found is not None and bool(found["found"]) and not found["mismatches"]

    def _sign(self, signed: SignedRequest | None) -> SignedRequest:
        self._attempts += 1
        if signed is not None and self._attempts == 1:
            return signed
        return self._job.api.signed("upload-urls", **self.request())

    def _body(self, workers: Workers) -> Iterator[bytes]:
        workers.moved(-self._sent)  # those of the attempt before
        self._sent = 0
        for chunk in self._source.chunks():
            yield chunk
            self._sent += len(chunk)
            workers.moved(len(chunk))
