"""What calls for whole folders return."""

from dataclasses import dataclass
from pathlib import Path

from presign_client.results import Downloaded, Uploaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A file of a folder that was not stored. `error` is a PresignError or an OSError.

    Without its traceback, by which each failure would keep the bytes and open files of its attempt.
    """

    path: Path
    key: str
    error: Exception

    def __post_init__(self) -> None:
        self.error.__cause__ = self.error.__context__ = self.error.__traceback__ = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file or link of a folder that is not uploaded, and why: `a link out of the directory`."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderUpload:
    """What happened to the files of a folder, by key; `left_out` by path."""

    uploaded: tuple[Uploaded, ...]
    failed: tuple[Failed, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderDownload:
    """What happened to the objects below a prefix, by key. `skipped` were there already."""

    downloaded: tuple[Downloaded, ...]
    skipped: tuple[str, ...]
    failed: tuple[Failed, ...]
