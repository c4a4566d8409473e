"""Downloads of all objects below a prefix to a directory."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from operator import attrgetter, itemgetter
from pathlib import Path

from presign_client.checksums import digest_of
from presign_client.errors import PresignError
from presign_client.folder_results import FolderDownload
from presign_client.results import Downloaded, Entry
from presign_client.transfers.batch import each_of
from presign_client.transfers.names import folded, is_another_on_windows, is_hidden, is_path
from presign_client.transfers.partial_file import check_below
from presign_client.transfers.source import FileSource


def download_folder(
    directory: Path,
    prefix: str,
    entries: Iterable[Entry],
    download: Callable[[str, Path, Path], Downloaded],
    parallel: int,
) -> FolderDownload:
    """Download each entry to its key without `prefix`, below `directory`.

    A file that has the size and the ETag of the entry is skipped: of an object in one part the ETag
    is usually the MD5. Keys that end in a slash are folders of other programs, and no files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    root = directory.resolve()
    alike: dict[str, list[str]] = {}  # keys whose names may be one file, as they are listed
    later: list[tuple[str, Entry]] = []

    def first() -> Iterator[tuple[str, Entry]]:
        for entry in entries:
            if entry.key.endswith("/"):
                continue
            keys = alike.setdefault(folded(entry.key), [])
            keys.append(entry.key)
            if len(keys) > 1:
                later.append((entry.key, entry))
            else:
                yield entry.key, entry

    def work(entry: Entry) -> Downloaded | None:
        path = root / _relative(entry.key.removeprefix(prefix))
        check_below(root, path.resolve())  # the file or a directory may be a symbolic link
        if path.exists() and not path.is_file():  # a pipe would wait for a reader
            raise FileExistsError(errno.EEXIST, "It is no regular file", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        for key in takewhile(lambda key: key != entry.key, alike[folded(entry.key)]):
            _check_is_another_file(path, root / key.removeprefix(prefix), key)
        return None if _is_there(path, entry) else download(entry.key, path, root)

    done, failed = each_of(first(), work, parallel)
    # The file system shows whether two names are one file once there is the first one.
    then_done, then_failed = each_of(later, work, 1)
    results = sorted(done + then_done, key=itemgetter(0))
    return FolderDownload(
        downloaded=tuple(result for _, result in results if result is not None),
        skipped=tuple(key for key, result in results if result is None),
        failed=tuple(sorted(failed + then_failed, key=attrgetter("key"))),
    )


def _relative(name: str) -> Path:
    """Return the path of a key below the directory. A key may have any segments."""
    if not is_path(name) or (os.name == "nt" and is_another_on_windows(name)):
        raise PresignError("invalid_request", "This key is no path of a file. Download it alone.")
    if is_hidden(name):
        raise PresignError(
            "invalid_request", "This key has the name of an unfinished download. Download it alone."
        )
    return Path(*name.split("/"))


def _check_is_another_file(path: Path, other: Path, key: str) -> None:
    """Raise PresignError if the file system takes both names for one file."""
    if path.exists() and other.exists() and path.samefile(other):
        raise PresignError(
            "invalid_request",
            f"On this file system it is the same file as {key}. Download it alone.",
        )


def _is_there(path: Path, entry: Entry) -> bool:
    if not path.is_file() or path.stat().st_size != entry.size:
        return False
    return digest_of(FileSource(path).chunks(), "MD5").hex() == (entry.etag or "").strip('"')
