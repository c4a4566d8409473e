"""What a listing is to the Hub's clients: files, folders, pages of a tree, and the sha."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.protocols.hugging_face.revisions import (
    NAME_DIGITS,
    Entry,
    Folder,
    RepoFile,
    Revision,
    is_file,
    is_sha,
    name_digits,
    revision_of,
)
from service.s3.listing_xml import ListedObject

PREFIX: Final = "models/acme/llama/main/"
TIME: Final = "2026-01-02T03:04:05.000Z"
names = st.text(st.sampled_from("ab./é \\~"), min_size=1, max_size=6)
paths = st.lists(names, max_size=8, unique=True)


def listed(path: str, etag: str = '"e"', size: int = 5, time: str = TIME) -> ListedObject:
    return ListedObject(key=PREFIX + path, etag=etag, content_length=size, last_modified=time)


def revision(*found: str, name: str = "main", **more: Any) -> Revision:
    return revision_of(name, PREFIX, [listed(path, **more) for path in found])


def seen(found: Revision, folder: str = "", *, recursive: bool = False, after: str = "") -> str:
    """The entries of a tree, a folder with a slash. Or `none`."""
    entries = found.tree(folder, recursive=recursive, after=after)
    if entries is None:
        return "none"
    return " ".join(e.path + "/" * isinstance(e, Folder) for e in entries)


def test_a_folder_has_its_files_and_folders() -> None:
    found = revision("b/c/d", "a", "b/e", "b-f", "b0")
    assert seen(found) == "a b/ b-f b0"
    assert seen(found, "b") == "b/c/ b/e"
    assert seen(found, "b/c") == "b/c/d"
    assert seen(found, recursive=True) == "a b/ b-f b/c/ b/c/d b/e b0"
    assert seen(found, "b", recursive=True) == "b/c/ b/c/d b/e"


@pytest.mark.parametrize("folder", ["a", "c", "b/", "/", "b/c/d", "..", "B"])
def test_a_folder_that_is_none_has_no_tree(folder: str) -> None:
    assert seen(revision("a", "b/c"), folder) == "none"


@pytest.mark.parametrize("folder", ["", "b"])
@pytest.mark.parametrize("recursive", [False, True])
def test_pages_of_a_tree_are_together_the_whole(folder: str, recursive: bool) -> None:
    found = revision("b/c/d", "a", "b/e", "b-f", "b0", "b/z")
    whole = found.tree(folder, recursive=recursive)
    assert whole
    pages, after = list[Entry](), ""
    while page := (found.tree(folder, recursive=recursive, after=after) or [])[:2]:
        pages += page
        after = page[-1].path
    assert pages == [*whole]


@given(paths)
def test_each_file_is_in_the_tree_of_its_folder(found: list[str]) -> None:
    made = revision(*found)
    assert made.files.keys() == {path for path in found if is_file(path)}
    for path, file in made.files.items():
        folder = path.rpartition("/")[0]
        if folder not in made.files:  # a client can keep only one of the two
            assert file in (made.tree(folder, recursive=False) or [])
        assert made.find(path) == file
    assert [*made.entries] == sorted(made.entries, key=lambda entry: entry.path.encode())


@given(names)
def test_no_path_of_a_file_leaves_its_snapshot(path: str) -> None:
    segments = path.replace("\\", "/").split("/")
    if {"", ".", ".."} & {*path.split("/")} or {".", ".."} & {*segments}:
        assert not is_file(path)
        assert revision(path).files == {}


@pytest.mark.parametrize(
    "path", ["", "a/", "/a", "a//b", "../a", "a/..", "./a", "a/./b", r"..\a", "a\x1fb", "a\x85b"]
)
def test_what_a_client_cannot_keep_is_in_no_listing(path: str) -> None:
    found = revision(path, "ok")
    assert [*found.files] == ["ok"]
    assert found.sha == revision("ok").sha


@pytest.mark.parametrize("path", ["a b", "é/ü", "a--b", ".gitattributes", "a%2Fb", "#?&=", "…"])
def test_unusual_names_are_files(path: str) -> None:
    assert [*revision(path).files] == [path]


def test_a_sha_has_the_digits_of_its_name() -> None:
    found = revision("a")
    assert is_sha(found.sha)
    assert found.sha[:NAME_DIGITS] == name_digits("main") != name_digits("v1")
    assert found.sha[NAME_DIGITS:] == revision("a", name="v1").sha[NAME_DIGITS:]


def test_a_sha_does_not_depend_on_order_or_time() -> None:
    assert revision("a", "b").sha == revision("b", "a").sha
    assert revision("a").sha == revision("a", time="later").sha


@pytest.mark.parametrize(
    "other",
    [
        [listed("a", etag='"f"')],
        [listed("a", size=6)],
        [listed("b")],
        [listed("a"), listed("b")],
        [],
        [listed("a", etag='"e"\x005')],
    ],
)
def test_a_sha_tells_each_change(other: list[ListedObject]) -> None:
    assert revision_of("main", PREFIX, other).sha != revision("a").sha


@given(paths, paths)
def test_equal_shas_are_equal_files(one: list[str], other: list[str]) -> None:
    first, second = revision(*one), revision(*other)
    assert (first.sha == second.sha) == (first.files == second.files)


@pytest.mark.parametrize("etag", ['"d41d8cd98f00b204e9800998ecf8427e"', '"abc-12"', '"../x"', ""])
def test_an_oid_is_the_safe_name_of_a_content(etag: str) -> None:
    file = RepoFile("a", 5, etag, TIME)
    assert is_sha(file.oid)
    assert file.oid == RepoFile("b", 5, etag, "later").oid
    assert file.oid != RepoFile("a", 6, etag, TIME).oid


def test_the_latest_time_is_that_of_the_revision() -> None:
    times = ["2026-01-02T03:04:05.000Z", "2026-02-02T03:04:05Z", "yesterday", ""]
    found = [listed(str(i), time=time) for i, time in enumerate(times)]
    assert revision_of("main", PREFIX, found).last_modified == times[1]
    assert revision("a", time="yesterday").last_modified is None
    assert revision().last_modified is None


def test_paths_name_files_and_folders_once() -> None:
    found = revision("a", "b/c").find_all(["b/", "a", "b", "none", "", "b/c"])
    assert [entry.path for entry in found] == ["b", "a", "b/c"]


@pytest.mark.parametrize("text", ["main", "a" * 39, "A" * 40, "g" * 40, "a" * 41, f"{'a' * 40}\n"])
def test_other_texts_are_no_sha(text: str) -> None:
    assert not is_sha(text)
