"""Downloads: to a file by parallel ranges, which can be resumed, or in order to a stream."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from presign_client.api import Api
from presign_client.checksums import Digest, digest_of, new_digest
from presign_client.errors import PresignError
from presign_client.notes import Note
from presign_client.results import Downloaded
from presign_client.store import Store
from presign_client.transfers.expected import Expected, expected
from presign_client.transfers.plan import Part, parts_of
from presign_client.transfers.ranges import Ranges
from presign_client.transfers.source import CHUNK
from presign_client.transfers.workers import OnProgress, Workers, workers


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadJob:
    """One object to download. `part_size` is the size of ranges if the object does not decide."""

    api: Api
    store: Store
    bucket: str
    key: str
    version_id: str | None = None
    part_size: int | None = None
    parallel: int
    report: OnProgress | None = None

    def found(self, ranges: Ranges) -> Expected:
        found = self.api.check(self.bucket, self.key) if self.version_id is None else None
        if found is None:
            found = ranges.find()  # without a checksum
        elif not found["found"]:
            raise PresignError("not_found", "There is no object with this key.", 404)
        return expected(found, self.part_size)

    def ranges(self) -> Ranges:
        return Ranges(self.api, self.store, self.bucket, self.key, self.version_id)

    def done(self, wanted: Expected, *, verified: bool) -> Downloaded:
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
    if target.exists() and not target.is_file():  # such as /dev/stdout
        with target.open("wb") as stream:
            return download_stream(job, stream)
    target = target.resolve()
    names = ("download", url, job.bucket, job.key, job.version_id or "", str(target))
    with Note(state, *names) as note:
        return _FileDownload(job, target, note).run()


def download_stream(job: DownloadJob, stream: BinaryIO) -> Downloaded:
    """Write the object to a stream, in order. A mismatch is found only at its end."""
    ranges = job.ranges()
    wanted = job.found(ranges)
    whole = _digest(wanted, needed=True)
    digests: list[bytes] = []
    with workers(1, wanted.size, job.report) as running:
        for part in parts_of(wanted.size, wanted.part_size):
            digest = _digest(wanted, needed=wanted.needs_parts)

            def take(chunk: bytes, digest: Digest | None = digest) -> None:
                stream.write(chunk)
                for each in (whole, digest):
                    if each is not None:
                        each.update(chunk)
                running.moved(len(chunk))

            ranges.read(part.start, part.length, wanted.etag, take)
            digests += [] if digest is None else [digest.digest()]
    verified = wanted.is_verified(digests, lambda: whole.digest() if whole else b"")
    return job.done(wanted, verified=verified)


def _digest(wanted: Expected, *, needed: bool) -> Digest | None:
    if wanted.checksum is None or not needed:
        return None
    return new_digest(wanted.checksum.algorithm)


class _FileDownload:
    def __init__(self, job: DownloadJob, target: Path, note: Note) -> None:
        self._job, self._target, self._note = job, target, note
        self._ranges = job.ranges()
        name = hashlib.sha256(os.fsencode(target.name), usedforsecurity=False).hexdigest()
        self._partial = target.with_name(f".presign-{name[:16]}")

    def run(self) -> Downloaded:
        wanted = self._job.found(self._ranges)
        done = self._resumed(wanted)
        digests: dict[int, bytes] = {}
        with workers(self._job.parallel, wanted.size, self._job.report) as running:

            def work(part: Part) -> tuple[int, bytes | None]:
                if part.number in done:
                    running.moved(part.length)
                    return part.number, self._read_again(wanted, part)
                return part.number, self._read(wanted, part, running)

            for number, digest in running.each(work, parts_of(wanted.size, wanted.part_size)):
                if number not in done:
                    self._note.add(number)
                if digest is not None:
                    digests[number] = digest
        return self._finished(wanted, [digests[number] for number in sorted(digests)])

    def _resumed(self, wanted: Expected) -> set[int]:
        """Return the numbers of the parts that are in the file already."""
        plan = {"etag": wanted.etag, "size": wanted.size, "part_size": wanted.part_size}
        noted, numbers = self._note.read()
        if (
            noted == plan
            and self._partial.is_file()
            and self._partial.stat().st_size == wanted.size
        ):
            return set(numbers)
        with self._partial.open("wb") as file:  # with the rights of a new file
            file.truncate(wanted.size)
        self._note.write(plan)
        return set()

    def _read(self, wanted: Expected, part: Part, running: Workers) -> bytes | None:
        digest = _digest(wanted, needed=wanted.needs_parts)
        with self._partial.open("r+b") as file:
            file.seek(part.start)

            def take(chunk: bytes) -> None:
                file.write(chunk)
                if digest is not None:
                    digest.update(chunk)
                running.moved(len(chunk))

            self._ranges.read(part.start, part.length, wanted.etag, take)
        return None if digest is None else digest.digest()

    def _read_again(self, wanted: Expected, part: Part) -> bytes | None:
        if wanted.checksum is None or not wanted.needs_parts:
            return None
        return digest_of(self._chunks(part.start, part.length), wanted.checksum.algorithm)

    def _chunks(self, start: int, length: int) -> Iterator[bytes]:
        with self._partial.open("rb") as file:
            file.seek(start)
            while length and (chunk := file.read(min(CHUNK, length))):
                length -= len(chunk)
                yield chunk

    def _finished(self, wanted: Expected, digests: list[bytes]) -> Downloaded:
        algorithm = wanted.checksum.algorithm if wanted.checksum else ""
        try:
            verified = wanted.is_verified(
                digests, lambda: digest_of(self._chunks(0, wanted.size), algorithm)
            )
        except PresignError:
            self._note.forget()
            with suppress(OSError):
                self._partial.unlink()
            raise
        self._partial.replace(self._target)
        self._note.forget()
        return self._job.done(wanted, verified=verified)
