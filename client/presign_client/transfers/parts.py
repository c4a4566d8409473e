"""The parts of one multipart upload: sent in parallel, completed and checked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass
from threading import Event, Timer
from typing import Any
from urllib.parse import quote

from presign_client.answers import with_members
from presign_client.api import nothing
from presign_client.checksums import composite, digest_of, encoded
from presign_client.errors import PresignError
from presign_client.results import Uploaded
from presign_client.signed import SignedRequest, signed_request
from presign_client.stopping import stop, stopped_by
from presign_client.transfers.job import Job
from presign_client.transfers.plan import PART_SIZE_METADATA, Part
from presign_client.transfers.source import Source
from presign_client.transfers.workers import Workers

ABORT_SECONDS = 30  # about as long as six attempts wait at most, between them


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that the store has."""

    number: int
    length: int
    etag: str
    digest: bytes


class PartsUpload:
    """A multipart upload that has been created. `total` is None while it is not known."""

    def __init__(self, job: Job, upload_id: str, part_size: int, total: int | None) -> None:
        self._job, self.part_size, self._total = job, part_size, total
        self._path = f"multipart-uploads/{quote(upload_id, safe='')}"

    def stored(self) -> Mapping[int, Any] | None:
        """Return the parts that the store has, by number. None: the upload no longer exists."""
        try:
            return self._job.api.call(
                "GET", f"{self._path}/parts", _listed, params=self._job.bucket_and_key
            )
        except PresignError as error:
            if error.code not in {"upload_not_found", "not_found"}:
                raise
            return None  # `not_found`: an id that does not fit into a path

    def send(
        self, source: Source, part: Part, workers: Workers, *, offset: int | None = None
    ) -> SentPart:
        """Send one part, whose bytes begin at `offset` of the source: of a file, at its start."""
        start = part.start if offset is None else offset
        sent, digest = 0, b""

        def sign() -> SignedRequest:
            nonlocal digest
            digest = digest_of(source.chunks(start, part.length), self._job.options.checksum)
            return self._signed(part, digest)

        def body() -> Iterator[bytes]:
            nonlocal sent
            workers.moved(-sent)  # those of the attempt before
            sent = 0
            for chunk in source.chunks(start, part.length):
                yield chunk
                sent += len(chunk)
                workers.moved(len(chunk))

        etag = self._job.store.send(sign, body).headers.get("etag")
        if etag is None:
            raise PresignError("storage_refused", "The store shows no ETag of the part.")
        return SentPart(part.number, part.length, etag, digest)

    def matching(self, source: Source, part: Part, stored: Any) -> SentPart | None:
        """Return the part if the store has these very bytes."""
        if stored is None or stored["content_length"] != part.length:
            return None
        digest = digest_of(source.chunks(part.start, part.length), self._job.options.checksum)
        if "checksum" in stored:
            is_same = stored["checksum"] == encoded(digest)
        else:  # not every store lists checksums; a part's ETag is its MD5
            md5 = digest_of(source.chunks(part.start, part.length), "MD5")
            is_same = stored["etag"].strip('"') == md5.hex()
        return SentPart(part.number, part.length, stored["etag"], digest) if is_same else None

    def complete(self, parts: list[SentPart]) -> Uploaded:
        """Make the object. Safe to repeat: the service recognises a completed upload.

        Raises:
            PresignError: also `checksum_mismatch`, if the object is not made of these bytes.

        """
        parts = sorted(parts, key=lambda part: part.number)
        size = sum(part.length for part in parts)
        etag = self._job.api.post(
            f"{self._path}/complete",
            _etag,
            **self._job.bucket_and_key,
            content_length=size,
            checksum_algorithm=self._job.options.checksum,
            overwrite=self._job.options.overwrite or None,
            parts=[
                {"part_number": each.number, "etag": each.etag, "checksum": encoded(each.digest)}
                for each in parts
            ],
        )
        if self.is_stored(size, [part.digest for part in parts]) is False:
            raise PresignError(
                "checksum_mismatch", "The object at the store differs from the file. Upload again."
            )
        return Uploaded(**self._job.bucket_and_key, size=size, etag=etag)

    def is_stored(self, size: int, digests: list[bytes]) -> bool | None:
        """Whether the object is made of these parts. None: it cannot be compared."""
        found = self._job.api.check(**self._job.bucket_and_key)
        if found is None:
            return None
        algorithm = self._job.options.checksum
        value = found.get("checksums", {}).get(algorithm, "").partition("-")[0]
        if not found["found"] or found["content_length"] != size:
            return False
        if not value or not algorithm.startswith("SHA"):  # a CRC is of all bytes: not known here
            return None
        return bool(value == composite(digests, algorithm))

    def abort(self, seconds: float = ABORT_SECONDS) -> None:
        """End it. `seconds` are for each next byte of an answer."""
        place = self._job.bucket_and_key
        self._job.api.call("DELETE", self._path, nothing, params=place, seconds=seconds)

    def _signed(self, part: Part, digest: bytes) -> SignedRequest:
        return self._job.api.post(
            f"{self._path}/part-urls",
            _first_signed,
            **self._job.bucket_and_key,
            # Without a total, one in which the part is the last, with this length.
            content_length=self._total or part.start + part.length,
            part_size=self.part_size,
            part_numbers=[part.number],
            checksum_algorithm=self._job.options.checksum,
            checksums={str(part.number): encoded(digest)},
        )


@contextmanager
def aborted_if_it_fails(upload: PartsUpload, seconds: float = ABORT_SECONDS) -> Iterator[None]:
    """Leave no parts at the store that no later run would find: they cost money."""
    try:
        yield
    except BaseException:
        with suppress(Exception):  # such as of the program's own token: the first one says why
            _abort(upload, seconds)
        raise


def _abort(upload: PartsUpload, seconds: float) -> None:
    """Abort an upload, also in a thread that is to end. Ctrl-C does not wait for a silent service.

    A connection of the program's own `http` cannot be woken: an attempt that has begun ends
    `seconds` after the last byte that it got.
    """
    late = Event()
    timer = Timer(seconds, stop, [late])
    timer.daemon = True
    timer.start()
    try:
        Context().run(stopped_by, late, upload.abort)(seconds)
    finally:
        timer.cancel()


def create(job: Job, size: int, part_size: int) -> str:
    """Create an upload of at least `size` bytes, and return its id.

    Raises:
        PresignError: also `object_exists`, before a byte is sent.

    """
    options = job.options
    if not options.overwrite:
        found = job.api.check(**job.bucket_and_key)
        if found is not None and found["found"]:
            raise PresignError("object_exists", "An object with this key already exists.", 412)
    return job.api.post(
        "multipart-uploads",
        _upload_id,
        repeatable=False,  # it would create another one
        **job.bucket_and_key,
        content_length=size,
        part_size=part_size,
        content_type=options.content_type,
        checksum_algorithm=options.checksum,
        # Without the size of the parts, nobody can compute a SHA that is made of theirs.
        metadata={**options.metadata, PART_SIZE_METADATA: str(part_size)},
        overwrite=options.overwrite or None,
    )


def _upload_id(answer: Any) -> str:
    return str(with_members(answer, upload_id=str)["upload_id"])


def _listed(answer: Any) -> Mapping[int, Any]:
    of_part = {"part_number": int, "content_length": int, "etag": str}
    parts = [with_members(part, **of_part) for part in answer["parts"]]
    return {part["part_number"]: part for part in parts}


def _first_signed(answer: Any) -> SignedRequest:
    return signed_request(answer["parts"][0])


def _etag(answer: Any) -> str:
    return str(with_members(answer, etag=str)["etag"])
