"""`Presign`: what a program calls."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from presign_client.copies import CopyCalls
from presign_client.errors import PresignError
from presign_client.transfers.pace import PARALLEL

if TYPE_CHECKING:
    from presign_client.folder_results import FolderDownload, FolderUpload
    from presign_client.results import Downloaded, Entry, Uploaded
    from presign_client.transfers.download import DownloadJob
    from presign_client.transfers.job import Job
    from presign_client.transfers.plan import UploadOptions
    from presign_client.transfers.ranges import Ranges
    from presign_client.transfers.source import FileSource
    from presign_client.transfers.workers import OnProgress


class Presign(CopyCalls):
    """Calls the service, and moves objects to and from the store. Threads may share it.

    `url`, and `token` (a string, or a function that returns one) or `token_file`, default to
    `PRESIGN_URL`, `PRESIGN_TOKEN` and `PRESIGN_TOKEN_FILE` of the environment. Raises ValueError
    if one of them is missing.

    All methods raise `PresignError`. A call that is safe to repeat is repeated when it fails for a
    while. Lifetimes are in seconds, sizes in bytes. `http` replaces the HTTP client for the calls
    of presign, and `pool` the connections to the store, for example to use a proxy. With `http`
    alone, what needs the store is a ValueError. Both are closed with this object.
    """

    def upload(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        overwrite: bool = False,
        part_size: int | None = None,
        parallel: int = PARALLEL,
        checksum: str = "SHA256",
        metadata: Mapping[str, str] | None = None,
        on_progress: "OnProgress | None" = None,
    ) -> "Uploaded":
        """Upload a file, by its path, or all that a binary stream has.

        A file that is larger than a part goes up in parts, and is resumed if the same call was
        interrupted before, also in another process. Each part has a checksum, which the store
        compares. Without a `content_type`, it follows from the key's suffix.

        `on_progress` gets the bytes that were sent and all bytes (None: not known), from several
        threads, one at a time. If it raises an exception, the upload ends with it.
        """
        from presign_client.transfers.plan import UploadOptions, type_of
        from presign_client.transfers.source import FileSource

        options = UploadOptions(
            content_type=content_type or type_of(key),
            overwrite=overwrite,
            part_size=part_size,
            parallel=parallel,
            checksum=checksum,
            metadata=metadata or {},
        )
        job = self._job(bucket, key, options, on_progress)
        if not isinstance(source, str | os.PathLike):
            return _upload_stream(job, source)
        path = Path(source)
        if path.exists() and not path.is_file() and not path.is_dir():  # such as /dev/stdin
            with path.open("rb") as stream:
                return _upload_stream(job, stream)
        return self._upload_file(job, FileSource(path))

    def upload_folder(
        self,
        directory: str | os.PathLike[str],
        bucket: str,
        prefix: str,
        *,
        content_type: str | None = None,
        overwrite: bool = False,
        part_size: int | None = None,
        parallel: int = PARALLEL,
        checksum: str = "SHA256",
        follow: bool = False,
        on_progress: "OnProgress | None" = None,
    ) -> "FolderUpload":
        """Upload all files below a directory, each to `prefix` and its path.

        A file that is stored already, with the same size and checksum, is skipped. One that fails
        does not end the others, unless all would fail. Links that lead out of the directory or to a
        directory are left out, unless `follow` is True.
        """
        from presign_client.transfers.folder import upload_folder
        from presign_client.transfers.plan import UploadOptions

        options = UploadOptions(
            content_type=content_type,
            overwrite=overwrite,
            part_size=part_size,
            parallel=parallel,
            checksum=checksum,
        )
        job = self._job(bucket, prefix, options, on_progress)
        stored = self._stored(bucket, prefix)
        return upload_folder(job, Path(directory), stored, self._upload_file, follow=follow)

    def _job(
        self, bucket: str, key: str, options: "UploadOptions", report: "OnProgress | None"
    ) -> "Job":
        from presign_client.checksums import new_digest
        from presign_client.transfers.job import Job
        from presign_client.transfers.plan import check_part_size

        new_digest(options.checksum)  # it may be unknown
        check_part_size(options.part_size)
        return Job(
            api=self._api, store=self._store, bucket=bucket, key=key, options=options, report=report
        )

    def _upload_file(self, job: "Job", source: "FileSource") -> "Uploaded":
        from presign_client.notes import state_directory
        from presign_client.transfers.upload import upload_file

        return upload_file(job, source, state_directory(), self._url)

    def _stored(self, bucket: str, prefix: str) -> "Mapping[str, Entry]":
        """Return the objects below a prefix by key; none if no grant allows to list."""
        try:
            return {entry.key: entry for entry in self.list(bucket, prefix, recursive=True)}
        except PresignError as error:
            if error.code != "forbidden":
                raise
            return {}

    def download(
        self,
        bucket: str,
        key: str,
        target: str | os.PathLike[str] | BinaryIO,
        *,
        version_id: str | None = None,
        part_size: int | None = None,
        parallel: int = PARALLEL,
        on_progress: "OnProgress | None" = None,
    ) -> "Downloaded":
        """Download to a file, by its path, or to a binary stream.

        A file is read by parallel ranges, and resumed if the same call was interrupted before. It
        appears under its name once it is complete, and replaces one that is there. Where a grant
        allows `check` and the store has a checksum, the bytes are compared with it. `on_progress`
        is as in `upload`.
        """
        from presign_client.notes import state_directory
        from presign_client.transfers.download import download_file, download_stream
        from presign_client.transfers.plan import check_part_size

        check_part_size(part_size)
        options = {"version_id": version_id, "part_size": part_size, "report": on_progress}
        job = self._download_job(bucket, key, parallel=parallel, **options)
        if isinstance(target, str | os.PathLike):
            return download_file(job, Path(target), state_directory(), self._url)
        return download_stream(job, target)

    def download_folder(
        self,
        bucket: str,
        prefix: str,
        directory: str | os.PathLike[str],
        *,
        parallel: int = PARALLEL,
    ) -> "FolderDownload":
        """Download all objects below a prefix, each to `directory` and the rest of its key.

        A file that is there already, with the same size and content, is skipped; another one is
        replaced. An object that fails does not end the others, unless all would fail. Keys that
        are no path of a file, such as `a//b` and `../a`, fail.
        """
        from presign_client.notes import state_directory
        from presign_client.transfers.folder_download import download_folder

        job = self._download_job(bucket, prefix, parallel=parallel)
        entries = self.list(bucket, prefix, recursive=True)
        return download_folder(job, Path(directory), entries, state_directory(), self._url)

    def _download_job(self, bucket: str, key: str, **options: Any) -> "DownloadJob":
        from presign_client.transfers.download import DownloadJob

        return DownloadJob(api=self._api, store=self._store, bucket=bucket, key=key, **options)

    def ranges(self, bucket: str, key: str) -> "Ranges":
        """Return what reads any ranges of an object. `download` is simpler."""
        from presign_client.transfers.ranges import Ranges

        return Ranges(self._api, self._store, bucket, key)


def _upload_stream(job: "Job", stream: BinaryIO) -> "Uploaded":
    from presign_client.transfers.stream import upload_stream

    return upload_stream(job, stream)
