"""Files that a configuration names: they may be anything, and are looked at every two seconds."""

import os
from pathlib import Path

from service.config.reading import content_digest

TERABYTE = 1 << 40


def test_a_digest_does_not_read_a_huge_file(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, TERABYTE)  # it takes no space
    before = content_digest([huge])
    assert content_digest([huge]) == before
    os.utime(huge, ns=(0, 1))
    changed = content_digest([huge])
    os.truncate(huge, TERABYTE + 1)
    os.utime(huge, ns=(0, 1))
    assert len({before, changed, content_digest([huge])}) == 3


def test_a_small_change_shows_even_at_the_same_time(tmp_path: Path) -> None:
    """Times of a network file system may have a resolution of seconds."""
    file = tmp_path / "file"
    digests = set()
    for text in ("a", "b"):
        file.write_text(text)
        os.utime(file, ns=(0, 0))
        digests.add(content_digest([file]))
    assert len(digests) == 2


def test_a_file_that_cannot_be_read_has_a_digest(tmp_path: Path) -> None:
    names = ("nowhere", ".", "a\0b")
    assert len({content_digest([tmp_path / each]) for each in names}) == len(names)
