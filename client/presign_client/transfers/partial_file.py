"""The file that a download fills: a hidden one, next to its target.

Others may write to the directory, also by objects that are downloaded to it. They must neither
lead the bytes to another file nor change them: the name is random, no link is followed, a file that
is not the user's is not used, and only the file that was filled gets the name of the target.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO

from presign_client.transfers.links import leads_elsewhere, real_path
from presign_client.transfers.names import HIDDEN
from presign_client.transfers.source import CHUNK

# Windows has neither, and O_BINARY.
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FLAGS |= getattr(os, "O_BINARY", 0)
_PRIVATE = 0o600


class PartialFile:
    """Open from `reopen`, or `renew` and `create`, to the end of the block. Threads may share it.

    `token` is the random part of the name. `earlier` is that of an earlier run, as its note has it.
    A file that is not `kept` for a later run is removed if the block fails.
    """

    def __init__(self, target: Path, earlier: object = None, *, is_kept: bool = True) -> None:
        self._target, self._is_kept = target, is_kept
        # A note that was damaged must not name a file in another directory.
        self._choose(earlier if isinstance(earlier, str) and earlier.isalnum() else "")
        self._file: BinaryIO | None = None
        self._lock = Lock()  # where position and access belong together

    def __enter__(self) -> "PartialFile":  # noqa: PYI034 - typing has no Self before 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is None:  # what has its name is another thread's
            return
        # After Ctrl-C threads may still write. It stays open, so no other file gets its number.
        if not isinstance(error, KeyboardInterrupt):
            self._file.close()
        if error is not None and not self._is_kept:
            self.discard()

    def _choose(self, token: str) -> None:
        self.token, self.path = token, self._target.with_name(HIDDEN + token)

    def reopen(self, size: int) -> bool:
        """Open the file of an earlier run. False: there is none of this user with this size."""
        try:
            descriptor = os.open(self.path, _FLAGS)
        except OSError:  # also of a link, and of what may not be written
            return False
        found = os.fstat(descriptor)
        if not _is_ours(found) or found.st_size != size:
            os.close(descriptor)
            return False
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        return True

    def renew(self) -> None:
        """Remove the file of the earlier run, and choose another name."""
        self.discard()
        self._choose(secrets.token_hex(16))

    def create(self, size: int) -> int:
        """Make a new file, and return the rights that a new file of this user has."""
        descriptor = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        usual = stat.S_IMODE(os.fstat(descriptor).st_mode)
        self._set_rights(_PRIVATE)
        self._file.truncate(size)
        return usual

    def write(self, start: int, chunk: bytes) -> None:
        left = memoryview(chunk)
        while left:
            written = self._write(start, left)
            start, left = start + written, left[written:]

    def chunks(self, start: int, length: int) -> Iterator[bytes]:
        """Yield so many bytes, or fewer if the file has become shorter."""
        while length and (chunk := self._read(start, min(CHUNK, length))):
            start, length = start + len(chunk), length - len(chunk)
            yield chunk

    def check_in_place(self) -> None:
        """Raise OSError if another file now has this name: it must not become the target.

        Also if a link has replaced the directory, or one above it.
        """
        directory = self.path.parent
        if real_path(directory) != directory:
            raise leads_elsewhere(directory)
        if not os.path.samestat(os.fstat(self._opened().fileno()), os.lstat(self.path)):
            reason = "Another program replaced this file while it was downloaded. Start again"
            raise OSError(errno.ESTALE, reason, str(self.path))

    def rename(self, rights: int) -> None:
        """Give the file these rights and the target's name, and close it."""
        self._set_rights(rights)
        self._opened().close()  # Windows renames no open file
        self.path.replace(self._target)

    def remove(self) -> None:
        self._opened().close()
        self.discard()

    def discard(self) -> None:
        """Remove the file of this name, if there is one."""
        if self.token:
            with suppress(OSError):
                self.path.unlink()

    def _write(self, start: int, data: memoryview) -> int:
        file = self._opened()
        # Four threads that share a lock took 1.02 s for 300 MiB, and 0.94 so (medians of 15).
        if hasattr(os, "pwrite"):
            return os.pwrite(file.fileno(), data, start)
        with self._lock:  # Windows
            file.seek(start)
            return file.write(data)

    def _read(self, start: int, length: int) -> bytes:
        with self._lock:
            file = self._opened()
            file.seek(start)
            return file.read(length)

    def _opened(self) -> BinaryIO:
        assert self._file is not None
        return self._file

    def _set_rights(self, mode: int) -> None:
        # Some file systems keep no rights, such as Windows' drives in WSL: a file has the mount's.
        if hasattr(os, "fchmod"):
            with suppress(OSError):
                os.fchmod(self._opened().fileno(), mode)


def _is_ours(found: os.stat_result) -> bool:
    """Whether it is a regular file of this user. With another name it may be any file of theirs."""
    is_own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return stat.S_ISREG(found.st_mode) and is_own and found.st_nlink == 1
