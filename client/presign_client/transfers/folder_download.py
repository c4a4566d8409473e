"""Downloads of all objects below a prefix to a directory."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from operator import attrgetter, itemgetter
from pathlib import Path

from presign_client.checksums import digest_of
from presign_client.errors import SOURCE_CHANGED, PresignError
from presign_client.folder_results import FolderDownload
from presign_client.results import Downloaded, Entry
from presign_client.signed import SignedRequest
from presign_client.transfers.batch import SMALL, each_of, signed_ahead, signed_batch
from presign_client.transfers.download import DownloadJob, download_file
from presign_client.transfers.links import look
from presign_client.transfers.names import folded, is_another_on_windows, is_hidden, is_path
from presign_client.transfers.small_download import Run, download_small, new_run
from presign_client.transfers.source import FileSource
from presign_client.transfers.workers import workers


def download_folder(
    job: DownloadJob,
    directory: Path,
    entries: Iterable[Entry],
    state: Path,
    url: str,
) -> FolderDownload:
    """Download each entry to its key without the job's, which is a prefix, below `directory`.

    A file that has the size and the ETag of the entry is skipped: of an object in one part the ETag
    is usually the MD5. Keys that end in a slash are folders of other programs, and no files.
    """
    prefix = job.key
    directory.mkdir(parents=True, exist_ok=True)
    root = directory.resolve()
    alike: dict[str, list[str]] = {}  # keys whose names may be one file, as they are listed
    later: list[Entry] = []

    def first() -> Iterator[Entry]:
        for entry in entries:
            if entry.key.endswith("/"):
                continue
            keys = alike.setdefault(folded(entry.key), [])
            keys.append(entry.key)
            if len(keys) > 1:
                later.append(entry)
            else:
                yield entry

    def work(each: tuple[Entry, SignedRequest | None]) -> Downloaded | None:
        entry, signed = each
        path, found = _prepared(root, entry.key.removeprefix(prefix), run)
        for key in takewhile(lambda key: key != entry.key, alike[folded(entry.key)]):
            _check_is_another_file(path, root / key.removeprefix(prefix), key)
        if found is not None and _is_there(path, found, entry):
            return None
        one = replace(job, key=entry.key, below=root, signed=signed, pool=threads.pool)
        return _small(one, entry, path, run) or download_file(
            replace(one, signed=None), path, state, url
        )

    # Each object of `parallel` would have `parallel` threads of its own for its ranges.
    with new_run(state, root) as run, workers(job.parallel) as threads:
        ahead = signed_ahead(
            first(),
            lambda entry: (
                run is not None and _is_small_and_new(entry, f"{root}/{entry.key[len(prefix) :]}")
            ),
            lambda new: _sign(job, new),
        )
        each_signed = ((each[0].key, each) for each in ahead)
        done, failed = each_of(each_signed, work, job.parallel, job.store)
        # The file system shows whether two names are one file once there is the first one.
        then_done, then_failed = each_of(((each.key, (each, None)) for each in later), work, 1)
    results = sorted(done + then_done, key=itemgetter(0))
    return FolderDownload(
        downloaded=tuple(result for _, result in results if result is not None),
        skipped=tuple(key for key, result in results if result is None),
        failed=tuple(sorted(failed + then_failed, key=attrgetter("key"))),
    )


def _is_small_and_new(entry: Entry, path: str) -> bool:
    """Whether to sign ahead. The path may be none of a file, which is said later."""
    is_there = os.path.exists(path)  # noqa: PTH110 - Path's raises for some names
    return 0 < (entry.size or 0) <= SMALL and entry.etag is not None and not is_there


def _sign(job: DownloadJob, entries: list[Entry]) -> dict[str, SignedRequest]:
    items = [{"bucket": job.bucket, "key": each.key} for each in entries]
    return signed_batch(job.api, "download-urls/batch", items)


def _small(job: DownloadJob, listed: Entry, path: Path, run: Run | None) -> Downloaded | None:
    """Download what is signed ahead. None: look at the object again, which may be another one."""
    if job.signed is None or run is None:
        return None
    try:
        return download_small(job, listed, path, run)
    except PresignError as error:
        if error.code != SOURCE_CHANGED:
            raise
        return None


def _prepared(root: Path, name: str, run: Run | None) -> tuple[Path, os.stat_result | None]:
    """Return the path of a key below the directory, and what is there.

    The path has no links. Its own directory is there then.
    """
    path, found = look(root, root.joinpath(*_segments(name)))
    if run is not None:
        run.clean(path)
    if found is None and not os.path.isdir(path.parent):  # noqa: PTH112 - Path.mkdir is slower
        path.parent.mkdir(parents=True, exist_ok=True)
    elif found is not None and not stat.S_ISREG(found.st_mode):  # a pipe would wait for a reader
        raise FileExistsError(errno.EEXIST, "It is no regular file", str(path))
    return path, found


def _segments(name: str) -> list[str]:
    """Return the path of a key below the directory. A key may have any segments."""
    if not is_path(name) or (os.name == "nt" and is_another_on_windows(name)):
        raise PresignError("invalid_request", "This key is no path of a file. Download it alone.")
    if is_hidden(name):
        raise PresignError(
            "invalid_request", "This key has the name of an unfinished download. Download it alone."
        )
    return name.split("/")


def _check_is_another_file(path: Path, other: Path, key: str) -> None:
    """Raise PresignError if the file system takes both names for one file."""
    if path.exists() and other.exists() and path.samefile(other):
        raise PresignError(
            "invalid_request",
            f"On this file system it is the same file as {key}. Download it alone.",
        )


def _is_there(path: Path, found: os.stat_result, entry: Entry) -> bool:
    if found.st_size != entry.size:
        return False
    return digest_of(FileSource(path).chunks(), "MD5").hex() == (entry.etag or "").strip('"')
