"""Uploads of all files below a directory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from presign_client.checksums import digest_of
from presign_client.errors import FATAL, PresignError
from presign_client.folder_results import Failed, FolderUpload
from presign_client.results import Entry, Uploaded
from presign_client.signed import SignedRequest
from presign_client.transfers.batch import SMALL, signed_ahead, signed_batch
from presign_client.transfers.expected import expected
from presign_client.transfers.folder_files import File, files_below
from presign_client.transfers.job import Job
from presign_client.transfers.plan import PART_SIZE, parts_of, type_of
from presign_client.transfers.single import SingleUpload
from presign_client.transfers.source import FileSource
from presign_client.transfers.workers import OnProgress, workers


def upload_folder(
    job: Job,
    directory: Path,
    stored: Mapping[str, Entry],
    upload: Callable[[Job, FileSource], Uploaded],
    *,
    follow: bool,
) -> FolderUpload:
    """Upload each file to the job's key, which is a prefix, and its path below the directory.

    Skip those that are stored already. `stored` is a listing by key. It may be empty if no grant
    allows to list. `follow` is for `files_below`.
    """
    files, left_out = files_below(directory, job.key, follow=follow)
    progress = _Progress(job.report, sum(file.size for file in files))

    def work(file: File, signed: SignedRequest | None = None) -> Uploaded | Failed:
        one = replace(_of_file(job, file), report=progress.of_one_file(), signed=signed)
        try:
            return _upload(one, file, stored, upload)
        except (PresignError, OSError) as error:
            if _is_fatal(error):
                raise
            return Failed(path=file.path, key=file.key, error=error)

    # The parts of a large file are parallel already.
    large = [file for file in files if file.size > PART_SIZE]
    done = [work(file) for file in large]
    rest = (file for file in files if file.size <= PART_SIZE)
    signed = signed_ahead(
        rest,
        lambda file: file.size <= SMALL and file.key not in stored,
        lambda new: _sign(job, new),
    )
    with workers(job.options.parallel, job.store) as running:
        done += running.each(lambda each: work(*each), signed)
    done.sort(key=lambda each: each.key)
    return FolderUpload(
        uploaded=tuple(each for each in done if isinstance(each, Uploaded)),
        failed=tuple(each for each in done if isinstance(each, Failed)),
        left_out=left_out,
    )


def _of_file(job: Job, file: File) -> Job:
    content_type = job.options.content_type or type_of(file.key)
    return replace(job, key=file.key, options=replace(job.options, content_type=content_type))


def _is_fatal(error: Exception) -> bool:
    """Whether no other file could be uploaded either."""
    return isinstance(error, PresignError) and error.code in FATAL


def _sign(job: Job, files: Sequence[File]) -> dict[str, SignedRequest]:
    try:
        items = [SingleUpload(_of_file(job, each), each.source()).wanted() for each in files]
    except (PresignError, OSError):  # of one file, which meets it again
        return {}
    return signed_batch(job.api, "upload-urls/batch", items)


def _upload(
    job: Job, file: File, stored: Mapping[str, Entry], upload: Callable[[Job, FileSource], Uploaded]
) -> Uploaded:
    skipped = Uploaded(**job.bucket_and_key, size=file.size, skipped=True)
    source, listed = file.source(), stored.get(file.key)
    if listed is not None:
        if listed.size == file.size and (_has_etag(source, listed.etag) or _is_stored(job, source)):
            return skipped
        if not job.options.overwrite:
            raise PresignError("object_exists", "An object with this key already exists.", 412)
    try:
        return upload(job, source)
    except PresignError as error:
        # It is not in the listing if that is not granted, or if it was stored since.
        if error.code == "object_exists" and _is_stored(job, source):
            return skipped
        raise


def _has_etag(source: FileSource, etag: str | None) -> bool:
    """Whether the ETag is the MD5 of the file: of an object in one part it usually is.

    That saves a call for each file. An ETag that is something else proves nothing.
    """
    return (etag or "").strip('"') == digest_of(source.chunks(), "MD5").hex()


def _is_stored(job: Job, source: FileSource) -> bool:
    """Whether the object is known to have the bytes of the file."""
    found = job.api.check(**job.bucket_and_key)
    if found is None or not found["found"] or found["content_length"] != source.size:
        return False
    wanted = expected(found, job.options.part_size)
    if wanted.checksum is None:
        return _has_etag(source, wanted.etag)
    algorithm = wanted.checksum.algorithm
    digests = [
        digest_of(source.chunks(part.start, part.length), algorithm)
        for part in parts_of(source.size, wanted.part_size)
        if wanted.needs_parts
    ]
    try:
        return wanted.is_verified(digests, lambda: digest_of(source.chunks(), algorithm))
    except PresignError:
        return False


class _Progress:
    """The sum of the progress of several files."""

    def __init__(self, report: OnProgress | None, total: int) -> None:
        self._report, self._total = report, total
        self._done, self._lock = 0, Lock()

    def of_one_file(self) -> OnProgress:
        seen = 0

        def report(done: int, _: int | None) -> None:
            nonlocal seen
            with self._lock:
                self._done += done - seen
                seen = done
                if self._report:
                    self._report(self._done, self._total)

        return report
