"""What a later run needs to resume a transfer: a note in a directory of the user's state.

A note has no token, no URL and no name: it is found by the digest of its names.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from presign_client.errors import PresignError

try:
    import fcntl
except ImportError:  # Windows: two processes may do the same work
    HAS_LOCKS = False
else:
    HAS_LOCKS = True


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory for notes, as the XDG specification says."""
    try:
        return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "presign"
    except RuntimeError:  # a user without a home: there will be no notes
        return Path(os.devnull)


def digest_of_names(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()


class Note:
    """One note: a plan, and the numbers of the parts that are done. Open, it is locked.

    `is_kept` is False where no note can be written: then no later run will read it. One that says
    nothing at the end of the block is removed.
    """

    def __init__(self, directory: Path, *names: str) -> None:
        self._path = directory / f"{digest_of_names(*names)}.jsonl"
        self._file, self.is_kept = _open(self._path)

    def __enter__(self) -> "Note":  # noqa: PYI034 - typing has no Self before 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if HAS_LOCKS:
            self._remove_if_empty()  # while it is locked: afterwards it may be another process's
        try:
            self._file.close()
        except OSError:  # it writes again what could not be written
            if error is None:
                raise
        if not HAS_LOCKS:
            self._remove_if_empty()  # Windows removes no file that any process has open

    def read(self) -> tuple[Mapping[str, Any], list[int]]:
        """Return the plan and the numbers; an empty plan if there is none that can be read."""
        self._file.seek(0)
        plan: dict[str, Any] = {}
        numbers: list[int] = []
        end = 0
        with suppress(ValueError):
            while (line := self._file.readline()).endswith("\n"):
                if line.startswith("{"):
                    plan |= json.loads(line)
                else:
                    numbers.append(int(line))
                end = self._file.tell()
        # Half a line, after a kill or on a full disk: `12` may be the start of `123`.
        self._file.truncate(end)
        return (plan, numbers) if plan else ({}, [])

    def write(self, plan: Mapping[str, Any]) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.write_more(plan)

    def write_more(self, plan: Mapping[str, Any]) -> None:
        """Write what was not known when the plan was written."""
        self._append(json.dumps(plan))

    def add(self, number: int) -> None:
        self._append(str(number))

    def forget(self) -> None:
        self._file.truncate(0)

    def _remove_if_empty(self) -> None:
        with suppress(OSError):
            if self.is_kept and self._path.stat().st_size == 0:
                self._path.unlink()

    def _append(self, line: str) -> None:
        try:
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError as error:  # such as a full disk
            raise OSError(error.errno, error.strerror, str(self._path)) from None


def _open(path: Path) -> tuple[IO[str], bool]:
    """Return the file of a note, and whether a later run can read it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:  # a home that cannot be written: the transfer works, but cannot be resumed
        return tempfile.TemporaryFile("w+", encoding="utf-8"), False
    file = os.fdopen(descriptor, "r+", encoding="utf-8")
    if not _is_free(file, path):
        file.close()
        raise PresignError(
            "in_progress", "Another process is transferring the same file. Wait for its end."
        )
    return file, True


def _is_free(file: IO[str], path: Path) -> bool:
    """Lock a note. False: another process has the lock, or had it and has removed the note since.

    A third process would not see a lock of the removed one.
    """
    if not HAS_LOCKS:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, PermissionError, FileNotFoundError):  # of a lock SMB says EACCES
        return False
    except OSError:  # a file system without locks, as Lustre may be: as on Windows
        return True
