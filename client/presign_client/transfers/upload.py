"""Uploads of files, which can be resumed."""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from presign_client.checksums import digest_of
from presign_client.errors import PresignError
from presign_client.notes import Note
from presign_client.results import Uploaded
from presign_client.transfers.job import Job
from presign_client.transfers.parts import PartsUpload, SentPart, aborted_if_it_fails, create
from presign_client.transfers.plan import SINGLE_PUT, Part, part_size_of, parts_of
from presign_client.transfers.single import SingleUpload
from presign_client.transfers.source import FileSource, Source
from presign_client.transfers.workers import workers


def upload_file(job: Job, source: FileSource, state: Path, url: str) -> Uploaded:
    """Upload a file, in parts if it is larger than one. Resume an upload that was begun.

    Notes for the next run are below `state`.
    """
    part_size = job.options.part_size or part_size_of(source.size)
    if source.size <= part_size:
        return upload_single(job, source)
    names = ("upload", url, job.bucket, job.key, str(source.path.resolve()), job.options.checksum)
    try:
        with Note(state, *names) as note:
            return _FileUpload(job, source, part_size, note).run()
    except PresignError as error:
        if error.code != "forbidden" or source.size > SINGLE_PUT:
            raise
        return upload_single(job, source)  # a grant for `upload` need not allow `multipart`


def upload_single(job: Job, source: Source) -> Uploaded:
    with workers(1, job.store, source.size, job.report) as running:
        return SingleUpload(job, source).send(running)


class _FileUpload:
    def __init__(self, job: Job, source: FileSource, part_size: int, note: Note) -> None:
        self._job, self._source, self._note = job, source, note
        self._part_size = part_size

    def run(self) -> Uploaded:
        size, parts = self._source.size, list(parts_of(self._source.size, self._part_size))
        upload = self._begun()
        stored = None if upload is None else upload.stored()
        if upload is not None and stored is None and self._is_completed(upload, parts):
            self._note.forget()
            return Uploaded(**self._job.bucket_and_key, size=size)
        if upload is None or stored is None:
            upload, stored = self._created(), {}
        with nullcontext() if self._note.is_kept else aborted_if_it_fails(upload):
            sent = self._send(upload, parts, stored)
            self._source.check_unchanged()
            done = upload.complete(sent)
        self._note.forget()
        return done

    def _begun(self) -> PartsUpload | None:
        """Return the upload of the note, unless the file was another one then."""
        match self._note.read()[0]:
            case {"upload_id": str(upload_id), "size": int(size), "part_size": int(part_size)}:
                upload = PartsUpload(self._job, upload_id, part_size, size)
                if (size, part_size) == (self._source.size, self._part_size):
                    return upload
                with suppress(PresignError):
                    upload.abort()
        return None

    def _is_completed(self, upload: PartsUpload, parts: list[Part]) -> bool:
        """Whether an earlier run completed it, and was killed before it could forget the note."""
        return bool(upload.is_stored(self._source.size, [self._digest(part) for part in parts]))

    def _created(self) -> PartsUpload:
        size, part_size = self._source.size, self._part_size
        upload_id = create(self._job, size, part_size)
        upload = PartsUpload(self._job, upload_id, part_size, size)
        with aborted_if_it_fails(upload):
            self._note.write({"upload_id": upload_id, "size": size, "part_size": part_size})
        return upload

    def _send(
        self, upload: PartsUpload, parts: list[Part], stored: Mapping[int, Any]
    ) -> list[SentPart]:
        def work(part: Part) -> SentPart:
            found = upload.matching(self._source, part, stored.get(part.number))
            if found is None:
                return upload.send(self._source, part, running)
            running.moved(part.length)
            return found

        options, store = self._job.options, self._job.store
        with workers(options.parallel, store, self._source.size, self._job.report) as running:
            return list(running.each(work, parts))

    def _digest(self, part: Part) -> bytes:
        return digest_of(self._source.chunks(part.start, part.length), self._job.options.checksum)
