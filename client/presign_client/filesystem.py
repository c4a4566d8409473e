"""`presign://bucket/key` for fsspec, and so for pandas, Dask and others.

The options are those of `Presign`, and `overwrite`. Prefer the environment to the option `token`:
fsspec keeps options, and may write them down.
"""

import atexit
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from presign_client.client import Presign
from presign_client.errors import PresignError
from presign_client.objects import time_of_header
from presign_client.results import Copied, Entry
from presign_client.transfers.names import is_below
from presign_client.transfers.ranges import Ranges

BLOCK_SIZE = 2**23
RANGES = 4  # at a time
_ERRORS: Mapping[str, type[OSError]] = {
    "not_found": FileNotFoundError,
    "object_exists": FileExistsError,
    "forbidden": PermissionError,
    "limit_exceeded": PermissionError,
    "unauthenticated": PermissionError,
}


def _let_arrow_end() -> None:
    """Wait 0.05 s for threads of PyArrow that still give a file back, when the process ends.

    Until Python 3.14 the interpreter ends a thread that then asks for the GIL, and Arrow aborts
    the process (github.com/apache/arrow/issues/34314): 3 of some 120 programs, none of as many
    with this wait, on a busy machine.
    """
    if "pyarrow" in sys.modules:
        time.sleep(0.05)


if sys.version_info < (3, 14):
    atexit.register(_let_arrow_end)


@contextmanager
def _as_os_error(path: str) -> Iterator[None]:
    try:
        yield
    except PresignError as error:
        if error.code not in _ERRORS:
            raise
        raise _ERRORS[error.code](f"{path}: {error}") from None


class PresignFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Reads by ranges, writes whole objects when a file is closed, and copies inside the store."""

    protocol = "presign"

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        token_file: str | None = None,
        overwrite: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.overwrite = overwrite
        self.presign = Presign(url, token, token_file=token_file)
        weakref.finalize(self, self.presign.close)  # fsspec keeps file systems, and closes none

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002
        """Return the entries of a bucket or a prefix."""
        bucket, key = self._parts(path)
        prefix = f"{key}/" if key else ""
        with _as_os_error(path):
            listed = list(self.presign.list(bucket, prefix))
        if key and not listed:
            found = [self._file(path)]
        else:
            found = [_details(bucket, each) for each in listed if is_below(each.key, prefix)]
        return found if detail else [entry["name"] for entry in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return the details of an object, of a prefix that has objects, or of a bucket."""
        bucket, key = self._parts(path)
        try:
            return self._file(path)
        except (FileNotFoundError, PermissionError):  # a grant for `d/` has no object `d`
            with _as_os_error(path):
                listed = self.presign.list(bucket, f"{key}/" if key else "")
                if next(listed, None) is None and key:
                    raise
        return {"name": self._strip_protocol(path), "size": 0, "type": "directory"}

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return the bytes from `start` to `end`. No others are fetched."""
        with _as_os_error(path):
            return self.ranges(path).between(start, end)

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """Return the bytes of each range, four at a time, or the exception that it met."""
        if max_gap is not None:
            raise NotImplementedError
        starts, ends = (
            each if isinstance(each, list) else [each] * len(paths) for each in (starts, ends)
        )
        wanted = list(zip(paths, starts, ends, strict=True))
        opened = {path: self.ranges(path) for path in paths}

        def read(one: tuple[str, int | None, int | None]) -> Any:
            path, start, end = one
            try:
                with _as_os_error(path):
                    return opened[path].between(start, end)
            except Exception as error:
                if on_error == "return":
                    return error
                raise

        with ThreadPoolExecutor(RANGES) as threads:
            return list(threads.map(read, wanted))

    def head(self, path: str, size: int = 1024) -> bytes:
        """Return the first `size` bytes."""
        return self.cat_file(path, 0, size)

    def ranges(self, path: str) -> Ranges:
        """Return what reads any ranges of an object."""
        return self.presign.ranges(*self._parts(path))

    def created(self, path: str) -> Any:
        return self.modified(path)

    def modified(self, path: str) -> Any:
        return self.info(path)["last_modified"]

    def rm_file(self, path: str) -> None:
        with _as_os_error(path):
            self.presign.delete(*self._parts(path))

    def rm(self, path: str | list[str], recursive: bool = False, *how: Any, **named: Any) -> None:  # noqa: FBT001, FBT002
        """Delete objects. A directory has none of its own, so its name may be forbidden."""
        paths = self.expand_path(path, recursive, *how, **named)
        directories = {self._parent(each) for each in paths}
        for each in reversed(paths):
            if "/" not in each and (recursive or each in directories):  # a bucket
                continue
            try:
                self.rm_file(each)
            except PermissionError:
                if each not in directories or self.isfile(each):
                    raise

    def cp_file(
        self, path1: str, path2: str, *, pairs: list[tuple[str, str]] | None = None, **_: Any
    ) -> None:
        """Copy an object inside the store, up to 5 GiB. With `pairs` only note what to copy."""
        if pairs is None:
            self._copy(self.presign.copy, path1, path2)
        else:
            pairs.append((self._strip_protocol(path1), self._strip_protocol(path2)))

    def mv(
        self,
        path1: str | list[str],
        path2: str | list[str],
        recursive: bool = False,  # noqa: FBT001, FBT002 - fsspec's
        maxdepth: int | None = None,
        **_: Any,
    ) -> None:
        """Move objects as `Presign.move` does, one after the other, until one fails.

        Each original is deleted once its copy exists. To go on, repeat the move of a folder with a
        `/` at its end: without it fsspec moves the rest below the new folder.
        """
        if self._strip_protocol(path1) == self._strip_protocol(path2):
            return
        pairs: list[tuple[str, str]] = []
        self.copy(path1, path2, recursive, maxdepth, on_error="raise", pairs=pairs)
        if not pairs:
            raise IsADirectoryError(f"{path1}: needs recursive=True")
        taken = {source for source, _ in pairs}
        for source, target in pairs:
            if target in taken:
                raise FileExistsError(f"{target}: the target of two objects, or one of the sources")
            if self._copy(self.presign.move, source, target):
                taken.add(target)

    def _copy(self, copy: Callable[..., Copied], path1: str, path2: str) -> bool:
        """Return False for a directory: it is part of other names, and has nothing to copy."""
        (bucket, key), (to_bucket, to_key) = self._parts(path1), self._parts(path2)
        if not key:
            return False
        try:
            with _as_os_error(f"{path1} to {path2}"):
                copy(bucket, key, to_key, target_bucket=to_bucket, overwrite=self.overwrite)
        except (FileNotFoundError, PermissionError):
            if self.isdir(path1):
                return False
            raise
        return True

    def _file(self, path: str) -> dict[str, Any]:
        bucket, key = self._parts(path)
        if not key:
            raise FileNotFoundError(path)
        with _as_os_error(path):
            return _details(bucket, self._entry(bucket, key))

    def _entry(self, bucket: str, key: str) -> Entry:
        try:
            found = self.presign.head(bucket, key)
        except PresignError as error:
            if error.code != "forbidden":
                raise
            read = self.presign.ranges(bucket, key).find()  # needs no grant but `download`
            return Entry(
                key=key,
                size=read["content_length"],
                etag=read["etag"],
                last_modified=time_of_header(read.get("last_modified")),
            )
        return Entry(key=key, size=found.size, etag=found.etag, last_modified=found.last_modified)

    def _open(
        self, path: str, mode: str = "rb", block_size: int | None = None, **options: Any
    ) -> "PresignFile":
        if "a" in mode:  # what is there would be replaced by what is appended
            raise NotImplementedError("An object cannot be appended to. Write all of it.")
        options.pop("autocommit", None)
        with _as_os_error(path):
            return PresignFile(self, path, mode, block_size=block_size or BLOCK_SIZE, **options)

    def _parts(self, path: str) -> tuple[str, str]:
        bucket, _, key = str(self._strip_protocol(path)).partition("/")
        return bucket, key


class PresignFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """An object that is read, which must not be replaced meanwhile, or a new one."""

    def __init__(self, fs: PresignFileSystem, path: str, mode: str, **options: Any) -> None:
        self._place = fs._parts(path)  # noqa: SLF001 - its own file system
        if mode == "rb":
            self._ranges = fs.ranges(path)
            found = self._ranges.find()  # needs no grant but `download`
            self._etag: str = found["etag"]
            options["size"] = found["content_length"]
        super().__init__(fs, path, mode, **options)

    def _fetch_range(self, start: int, end: int) -> bytes:
        chunks: list[bytes] = []
        if start < end:
            with _as_os_error(self.path):
                self._ranges.read(start, end - start, self._etag, chunks.append)
        return b"".join(chunks)

    def _initiate_upload(self) -> None:
        self._written = tempfile.TemporaryFile()  # noqa: SIM115 - until the file is closed

    def _upload_chunk(self, final: bool = False) -> bool:  # noqa: FBT001, FBT002 - fsspec's
        self._written.write(self.buffer.getvalue())
        if final:
            with self._written as file, _as_os_error(self.path):
                file.seek(0)
                self.fs.presign.upload(
                    file, *self._place, overwrite=self.fs.overwrite and self.mode != "xb"
                )
        return True


def _details(bucket: str, entry: Entry) -> dict[str, Any]:
    return {
        "name": f"{bucket}/{entry.key}".rstrip("/"),
        "size": entry.size or 0,
        "type": "directory" if entry.is_prefix else "file",
        "ETag": entry.etag,
        "last_modified": entry.last_modified,
    }
