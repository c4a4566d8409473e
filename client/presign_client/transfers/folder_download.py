"""Downloads of all objects below a prefix to a directory."""

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from presign_client.checksums import digest_of
from presign_client.errors import PresignError
from presign_client.results import Downloaded, Entry, FolderDownload
from presign_client.transfers.batch import each_of
from presign_client.transfers.source import FileSource


def download_folder(
    directory: Path,
    prefix: str,
    entries: Iterable[Entry],
    download: Callable[[str, Path], Downloaded],
    parallel: int,
) -> FolderDownload:
    """Download each entry to its key without `prefix`, below `directory`.

    A file that has the size and the ETag of the entry is skipped: of an object in one part the ETag
    is usually the MD5. Keys that end in a slash are folders of other programs, and no files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    root = directory.resolve()

    def work(entry: Entry) -> Downloaded | None:
        path = root / _relative(entry.key.removeprefix(prefix))
        if not path.resolve().is_relative_to(root):  # the file or a directory is a symbolic link
            raise OSError(errno.ELOOP, "A link leads it to another place", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        return None if _is_there(path, entry) else download(entry.key, path)

    files = ((each.key, each) for each in entries if not each.key.endswith("/"))
    done, failed = each_of(files, work, parallel)
    return FolderDownload(
        downloaded=tuple(result for _, result in done if result is not None),
        skipped=tuple(key for key, result in done if result is None),
        failed=failed,
    )


def _relative(name: str) -> Path:
    """Return the path of a key below the directory. A key may have any segments."""
    segments = name.split("/")
    odd = {"", ".", ".."} & {*segments} or "\0" in name
    if odd or any(os.path.splitdrive(each)[0] or "\\" in each for each in segments):
        raise PresignError("invalid_request", "This key is no path of a file. Download it alone.")
    return Path(*segments)


def _is_there(path: Path, entry: Entry) -> bool:
    if not path.is_file() or path.stat().st_size != entry.size:
        return False
    return digest_of(FileSource(path).chunks(), "MD5").hex() == (entry.etag or "").strip('"')
