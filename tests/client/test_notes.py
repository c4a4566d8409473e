"""Notes in a directory that takes no more."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from presign_client.notes import Note


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The system refuses what is larger, as it does on a full disk."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


def test_a_note_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        no_file_above(10),
        pytest.raises(OSError, match="File too large") as refused,
        Note(tmp_path, "a") as note,
    ):
        note.write({"etag": "a long one"})

    [kept] = tmp_path.iterdir()
    assert refused.value.filename == str(kept)
