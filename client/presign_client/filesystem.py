"""`presign://bucket/key` for fsspec, and so for pandas, Dask and others.

The options are those of `Presign`, and `overwrite`. Prefer the environment to the option `token`:
fsspec keeps options, and may write them down.
"""

import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from presign_client.client import Presign
from presign_client.errors import PresignError
from presign_client.results import Entry

BLOCK_SIZE = 2**23
_ERRORS: Mapping[str, type[OSError]] = {
    "not_found": FileNotFoundError,
    "object_exists": FileExistsError,
    "forbidden": PermissionError,
    "limit_exceeded": PermissionError,
    "unauthenticated": PermissionError,
}


@contextmanager
def _as_os_error(path: str) -> Iterator[None]:
    try:
        yield
    except PresignError as error:
        if error.code not in _ERRORS:
            raise
        raise _ERRORS[error.code](f"{path}: {error}") from None


class PresignFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Reads by ranges, and writes whole objects when a file is closed."""

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
            found = [_details(bucket, entry) for entry in self.presign.list(bucket, prefix)]
        found = [entry for entry in found if entry["name"] != f"{bucket}/{prefix}".rstrip("/")]
        if not found:
            found = [self._file(path)] if key else []
        return found if detail else [entry["name"] for entry in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return the details of an object, or of a prefix that has objects."""
        bucket, key = self._parts(path)
        try:
            return self._file(path)
        except FileNotFoundError:
            with _as_os_error(path):
                if next(self.presign.list(bucket, f"{key}/" if key else ""), None) is None:
                    raise
        return {"name": self._strip_protocol(path), "size": 0, "type": "directory"}

    def created(self, path: str) -> Any:
        return self.modified(path)

    def modified(self, path: str) -> Any:
        return self.info(path)["last_modified"]

    def rm_file(self, path: str) -> None:
        with _as_os_error(path):
            self.presign.delete(*self._parts(path))

    def _file(self, path: str) -> dict[str, Any]:
        bucket, key = self._parts(path)
        if not key:
            raise FileNotFoundError(path)
        with _as_os_error(path):
            found = self.presign.head(bucket, key)
        entry = Entry(key=key, size=found.size, etag=found.etag, last_modified=found.last_modified)
        return _details(bucket, entry)

    def _open(
        self, path: str, mode: str = "rb", block_size: int | None = None, **options: Any
    ) -> "PresignFile":
        options.pop("autocommit", None)
        with _as_os_error(path):
            return PresignFile(self, path, mode, block_size=block_size or BLOCK_SIZE, **options)

    def _parts(self, path: str) -> tuple[str, str]:
        bucket, _, key = str(self._strip_protocol(path)).partition("/")
        return bucket, key


class PresignFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """An object that is read, which must not be replaced meanwhile, or a new one."""

    def __init__(self, fs: PresignFileSystem, path: str, mode: str, **options: Any) -> None:
        bucket, key = fs._parts(path)  # noqa: SLF001 - its own file system
        self._place = bucket, key
        if mode == "rb":
            self._ranges = fs.presign.ranges(bucket, key)
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
