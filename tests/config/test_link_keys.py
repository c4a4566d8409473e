"""The files that keys for links are in."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.config.key_files import KEY_BYTES, new_key, read_key

OTHERS: Final = (
    *("", "\n", "sentinel", "c2VudGluZWw=", "é" * 44, f"{'-' * 43}="),
    *(new_key(b"s" * 31), new_key(b"s" * 33), f"key: {new_key(b's' * 32)}"),
    f"{new_key(b's' * 32)}\n{new_key(b't' * 32)}",
)


@pytest.mark.parametrize("end", ["", "\n", " \r\n"])
def test_a_new_key_is_read_as_it_was(tmp_path: Path, end: str) -> None:
    key, path = bytes(range(KEY_BYTES)), tmp_path / "link.key"
    path.write_text(new_key(key) + end)
    assert read_key(path) == key


@pytest.mark.parametrize("text", OTHERS)
def test_other_text_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sentinel.key"
    path.write_text(text, encoding="utf-8")
    refused(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "sentinel.key")
    refused(tmp_path)


def refused(path: Path) -> None:
    with pytest.raises(ValueError, match="with a key as `presign new-link-key` prints it") as error:
        read_key(path)
    assert "sentinel" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


def test_the_command_prints_another_key_each_time(tmp_path: Path) -> None:
    path, keys = tmp_path / "link.key", set[bytes]()
    for _ in range(3):
        done = CliRunner().invoke(main, ["new-link-key"])
        assert done.exit_code == 0
        path.write_text(done.stdout)
        keys.add(read_key(path))
    assert len(keys) == 3
