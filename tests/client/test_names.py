"""Which keys may be local files, and which of them may be one file."""

import pytest

from presign_client.transfers.names import folded, is_another_on_windows, is_below, is_path

LEADING_AWAY = [
    "..\\..\\evil.txt",
    "a\\b",
    "\\\\host\\share",
    "C:\\evil.txt",
    "C:evil.txt",
    "a/C:/evil",
]


@pytest.mark.parametrize("name", LEADING_AWAY)
def test_a_backslash_or_a_drive_is_no_path_on_windows(name: str) -> None:
    assert not is_path(name, on_windows=True)
    assert is_path(name, on_windows=False) is ("\\" not in name)


@pytest.mark.parametrize("name", LEADING_AWAY)
def test_the_file_system_lists_no_such_name_on_windows(name: str) -> None:
    for key in (f"shared/{name}", f"shared/{name}/"):
        assert not is_below(key, "shared/", on_windows=True)
        assert is_below(key, "shared/", on_windows=False)


@pytest.mark.parametrize("name", ["a.csv", "2026-03-01T12:00", "a b/\u00e9.txt", "...", "nul.txt"])
def test_the_file_system_lists_other_names_on_windows_too(name: str) -> None:
    assert is_below(f"C:/{name}", "C:/", on_windows=True)


@pytest.mark.parametrize(
    "name",
    ["a.csv.", "a.csv ", "a. /b", "a.csv::$DATA", "NUL", "nul.txt", "a/Com1", "lpt\u00b2 .x"],
)
def test_windows_opens_another_file_or_a_device(name: str) -> None:
    assert is_another_on_windows(name)


@pytest.mark.parametrize(
    "name", ["a.csv", ".a", "a b.c d", "console", "com10", "nullable/x", "lpt"]
)
def test_windows_opens_the_file_of_the_name(name: str) -> None:
    assert not is_another_on_windows(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MODEL.BIN", "model.bin"),
        ("\u00e9", "e\u0301"),
        ("\u00c9", "e\u0301"),
        ("\u212b/x", "\u00e5/X"),
        ("mo\u200ddel", "Model"),
        ("e\u034f\u0301", "\u00e9"),
        ("\u2764\ufe0f.txt", "\u2764.txt"),
    ],
)
def test_names_that_may_be_one_file_are_alike(one: str, other: str) -> None:
    assert folded(one) == folded(other)


def test_names_of_two_files_are_not_alike() -> None:
    assert len({*map(folded, ["a", "b", "\u00e9", "e", "a/b", "ab"])}) == 6
