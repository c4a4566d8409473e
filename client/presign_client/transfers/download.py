"""Downloads: to a file by parallel ranges, which can be resumed, or in order to a stream."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

from presign_client.api import Api
from presign_client.checksums import Digest, PartDigests, digest_of, new_digest
from presign_client.errors import PresignError
from presign_client.notes import Note, digest_of_names
from presign_client.results import Downloaded
from presign_client.signed import SignedRequest
from presign_client.store import Store
from presign_client.transfers.expected import ExpectedObject, expected
from presign_client.transfers.following import Following
from presign_client.transfers.links import check_below
from presign_client.transfers.partial_file import PartialFile
from presign_client.transfers.plan import Part, parts_of
from presign_client.transfers.ranges import Ranges
from presign_client.transfers.workers import OnProgress, Workers, workers

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadJob:
    """One object to download. `part_size` is the size of ranges, if it is not the usual one.

    With `below`, a path without links, it goes to no file that is not below that. `signed` is its
    URL, if there is one already. `pool` has the threads that read ranges, if others share them.
    """

    api: Api
    store: Store
    bucket: str
    key: str
    version_id: str | None = None
    part_size: int | None = None
    parallel: int
    report: OnProgress | None = None
    below: Path | None = None
    signed: SignedRequest | None = None
    pool: ThreadPoolExecutor | None = None

    def found(self, ranges: Ranges) -> ExpectedObject:
        found = self.api.check(self.bucket, self.key) if self.version_id is None else None
        if found is None:
            found = ranges.find()  # without a checksum
        elif not found["found"]:
            raise PresignError("not_found", "There is no object with this key.", 404)
        return expected(found, self.part_size)

    def ranges(self) -> Ranges:
        place = self.api, self.store, self.bucket, self.key
        return Ranges(*place, version_id=self.version_id, signed=self.signed)

    def done(self, wanted: ExpectedObject, *, verified: bool) -> Downloaded:
        return Downloaded(
            bucket=self.bucket,
            key=self.key,
            size=wanted.size,
            etag=wanted.etag or None,
            verified=verified,
        )


def download_file(job: DownloadJob, target: Path, state: Path, url: str) -> Downloaded:
    """Download to a new file next to `target`, which replaces it at the end."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    resolved = target.resolve()
    if job.below is not None:
        check_below(job.below, resolved)
    elif target.exists() and not target.is_file():  # such as /dev/stdout
        with target.open("wb") as stream:
            return download_stream(job, stream)
    # One note for a target: the next download to it removes what this one leaves.
    with Note(state, "download", str(resolved)) as note:
        return _FileDownload(job, resolved, note, url).run()


def download_stream(job: DownloadJob, stream: BinaryIO) -> Downloaded:
    """Write the object to a stream, in order. A mismatch is found only at its end.

    The thread that reads computes the checksum, too: `Following` has the figures.
    """
    ranges = job.ranges()
    wanted = job.found(ranges)
    algorithm = wanted.checksum.algorithm if wanted.checksum else None
    whole = new_digest(algorithm) if algorithm else None
    parts = PartDigests(algorithm, wanted.part_size) if algorithm and wanted.needs_parts else None
    with workers(1, job.store, wanted.size, job.report) as running:

        def take(chunk: bytes) -> None:
            _write(stream, chunk)
            for each in (whole, parts):
                if each is not None:
                    each.update(chunk)
            running.moved(len(chunk))

        for part in parts_of(wanted.size, wanted.range_size):
            ranges.read(part.start, part.length, wanted.etag, take)
    digests = parts.digests() if parts else []
    verified = wanted.is_verified(digests, lambda: whole.digest() if whole else b"")
    return job.done(wanted, verified=verified)


def _write(stream: BinaryIO | RawIOBase, chunk: bytes) -> None:
    """Write all of a chunk. Only a raw stream, such as a pipe without a buffer, may take less."""
    if not isinstance(stream, RawIOBase):
        stream.write(chunk)
        return
    left = memoryview(chunk)
    while left:
        taken = stream.write(left)
        if taken is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        left = left[taken:]


class _FileDownload:
    def __init__(self, job: DownloadJob, target: Path, note: Note, url: str) -> None:
        self._job, self._note, self._url = job, note, url
        self._ranges = job.ranges()
        self._noted, self._numbers = note.read()
        self._partial = PartialFile(target, self._noted.get("file"), is_kept=note.is_kept)
        self._done: set[int] = set()  # the numbers of the parts that are in the file
        self._rights = 0
        self._following: Following | None = None

    def run(self) -> Downloaded:
        wanted = self._job.found(self._ranges)
        self._following = self._followed(wanted)
        with self._partial, self._following or nullcontext():
            self._open(wanted)
            try:
                digests = self._fill(wanted)
            except OSError as error:
                is_of_note = error.filename is not None
                if error.errno not in DISK_FULL or is_of_note or not self._note.is_kept:
                    raise
                raise self._disk_full(error, wanted) from None
            return self._finished(wanted, digests)

    def _open(self, wanted: ExpectedObject) -> None:
        plan = {
            "object": digest_of_names(
                self._url, self._job.bucket, self._job.key, self._job.version_id or ""
            ),
            "etag": wanted.etag,
            "size": wanted.size,
            "part_size": wanted.range_size,
        }
        noted = {"file": self._partial.token, "rights": self._noted.get("rights", 0)}
        if plan | noted == self._noted and self._partial.reopen(wanted.size):
            self._done, self._rights = set(self._numbers), noted["rights"]
            return
        self._partial.renew()
        self._note.write(plan | {"file": self._partial.token})  # first: a kill may come any time
        self._rights = self._partial.create(wanted.size)
        self._note.write_more({"rights": self._rights})

    def _followed(self, wanted: ExpectedObject) -> Following | None:
        """Return what computes a checksum of all bytes, if a single range does not have them."""
        checksum = wanted.checksum
        is_of_all = checksum is not None and checksum.count is None and not wanted.needs_parts
        if checksum is None or not is_of_all or wanted.size <= wanted.range_size:
            return None
        return Following(
            checksum.algorithm, lambda part: self._partial.chunks(part.start, part.length)
        )

    def _fill(self, wanted: ExpectedObject) -> list[bytes]:
        """Read what is missing. Return the checksums of the ranges, if the object's needs them."""
        digests: dict[int, bytes] = {}
        parts = parts_of(wanted.size, wanted.range_size)
        job = self._job
        parallel = 1 if wanted.size <= wanted.range_size else job.parallel
        with workers(parallel, job.store, wanted.size, job.report, job.pool) as running:

            def work(part: Part) -> tuple[Part, bytes | None]:
                if part.number in self._done:
                    running.moved(part.length)
                    return part, self._read_again(wanted, part)
                return part, self._read(wanted, part, running)

            for part, digest in running.each(work, parts):
                if part.number not in self._done:
                    self._note.add(part.number)
                    self._done.add(part.number)
                if self._following is not None:
                    self._following.filled(part)
                if digest is not None:
                    digests[part.number] = digest
        return [digests[number] for number in sorted(digests)]

    def _read(self, wanted: ExpectedObject, part: Part, running: Workers) -> bytes | None:
        digest, position = _digest_of_range(wanted), part.start

        def take(chunk: bytes) -> None:
            nonlocal position
            self._partial.write(position, chunk)
            position += len(chunk)
            if digest is not None:
                digest.update(chunk)
            running.moved(len(chunk))

        self._ranges.read(part.start, part.length, wanted.etag, take)
        return None if digest is None else digest.digest()

    def _read_again(self, wanted: ExpectedObject, part: Part) -> bytes | None:
        digest = _digest_of_range(wanted)
        if digest is None:
            return None
        for chunk in self._partial.chunks(part.start, part.length):
            digest.update(chunk)
        return digest.digest()

    def _finished(self, wanted: ExpectedObject, digests: list[bytes]) -> Downloaded:
        try:
            verified = self._is_verified(wanted, digests)
        except PresignError:
            self._note.forget()
            self._partial.remove()
            raise
        try:
            self._partial.check_in_place()
        except OSError:
            self._note.forget()  # a later run must not take the other file for this one
            raise
        self._partial.rename(self._rights)
        self._note.forget()
        return self._job.done(wanted, verified=verified)

    def _is_verified(self, wanted: ExpectedObject, digests: list[bytes]) -> bool:
        algorithm = wanted.checksum.algorithm if wanted.checksum else ""
        if wanted.needs_parts and not digests:
            parts = PartDigests(algorithm, wanted.part_size)
            for chunk in self._partial.chunks(0, wanted.size):
                parts.update(chunk)
            digests = parts.digests()
        return wanted.is_verified(digests, lambda: self._whole(wanted.size, algorithm))

    def _whole(self, size: int, algorithm: str) -> bytes:
        if self._following is not None:
            return self._following.digest()
        return digest_of(self._partial.chunks(0, size), algorithm)

    def _disk_full(self, error: OSError, wanted: ExpectedObject) -> OSError:
        parts = parts_of(wanted.size, wanted.range_size)
        missing = sum(part.length for part in parts if part.number not in self._done)
        reason = (
            f"{os.strerror(error.errno or 0)}. {missing:,} of {wanted.size:,} bytes are missing; "
            "this file keeps the others"
        )
        return OSError(error.errno, reason, str(self._partial.path))


def _digest_of_range(wanted: ExpectedObject) -> Digest | None:
    """Return an empty checksum for a range that is a part of the checksum too."""
    if wanted.checksum is None or not wanted.needs_parts or wanted.part_size != wanted.range_size:
        return None
    return new_digest(wanted.checksum.algorithm)
