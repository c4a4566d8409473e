"""Paths below `/hf/`: which repository, revision and file they name."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import NotFound, PresignError
from service.protocols.hugging_face.addresses import (
    HubAction,
    HubAddress,
    Repository,
    is_revision_name,
    parse,
)
from service.protocols.hugging_face.errors import RepositoryNotFound

LLAMA: Final = Repository("models", "acme", "llama")
SQUAD: Final = Repository("datasets", "acme", "squad")


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("api/whoami-v2", HubAddress(HubAction.WHOAMI)),
        ("api/models/acme/llama", HubAddress(HubAction.INFO, LLAMA)),
        ("api/models/acme/llama/revision/v1", HubAddress(HubAction.INFO, LLAMA, "v1")),
        ("api/datasets/acme/squad", HubAddress(HubAction.INFO, SQUAD)),
        ("api/models/acme/llama/tree/main", HubAddress(HubAction.TREE, LLAMA)),
        ("api/models/acme/llama/tree/v1/a/b/", HubAddress(HubAction.TREE, LLAMA, "v1", "a/b")),
        ("api/models/acme/llama/tree/v1/a%2Fb", HubAddress(HubAction.TREE, LLAMA, "v1", "a/b")),
        ("api/models/acme/llama/refs", HubAddress(HubAction.REFS, LLAMA)),
        ("api/datasets/acme/squad/paths-info/main", HubAddress(HubAction.PATHS_INFO, SQUAD)),
        ("acme/llama/resolve/main/a.bin", HubAddress(HubAction.RESOLVE, LLAMA, path="a.bin")),
        ("acme/llama/resolve/v%201/%C3%A9/b", HubAddress(HubAction.RESOLVE, LLAMA, "v 1", "é/b")),
        ("acme/llama/resolve/refs%2Fpr%2F1/a", HubAddress(HubAction.RESOLVE, LLAMA, "refs/pr/1", "a")),
        ("datasets/acme/squad/resolve/main/a", HubAddress(HubAction.RESOLVE, SQUAD, path="a")),
        ("datasets/x/resolve/main/a", HubAddress(HubAction.RESOLVE, Repository("models", "datasets", "x"), path="a")),
        ("api/repos/create", HubAddress(HubAction.WRITE)),
        ("api/models/acme/llama/commit/main", HubAddress(HubAction.WRITE, LLAMA)),
        ("api/models/acme/llama/preupload/main", HubAddress(HubAction.WRITE, LLAMA)),
        ("api/models/a-b/c.d_e/tree/main", HubAddress(HubAction.TREE, Repository("models", "a-b", "c.d_e"))),
        (f"api/models/a/{'b' * 96}", HubAddress(HubAction.INFO, Repository("models", "a", "b" * 96))),
        ("api/models/_a.b-c_/1", HubAddress(HubAction.INFO, Repository("models", "_a.b-c_", "1"))),
        ("api/models/%61cme/llama", HubAddress(HubAction.INFO, LLAMA)),
    ],
)  # fmt: skip
def test_a_path_names_what_it_asks_for(path: str, address: HubAddress) -> None:
    assert parse(path.encode()) == address


@pytest.mark.parametrize(
    "path",
    [
        *("", "api", "api/models", "api/models/acme", "api/spaces/acme/x", "acme/llama"),
        *("acme/llama/resolve/main", "acme/llama/blob/main/a", "llama/resolve/main/a"),
        *("api/models/acme/llama/tree", "api/models/acme/llama/refs/x", "api/whoami"),
        *("api/models/acme/llama/revision/a/b", "api/models/acme/llama/paths-info/main/x"),
        *("api/models/acme/llama/", "api/models/acme/llama/delete"),
    ],
)
def test_other_paths_are_unknown(path: str) -> None:
    with pytest.raises(NotFound) as refused:
        parse(path.encode())
    assert not isinstance(refused.value, RepositoryNotFound)


@pytest.mark.parametrize(
    "name",
    [
        *("..", ".", "a" * 97, "a" * 300, "a%2Fb", "a%00", "%C3%A9", "a b", "a%0A", ""),
        *("a--b", "a..b", "-a", "a-", ".a", "a."),  # no client asks for these
    ],
)
def test_a_name_that_no_repository_has_is_not_found(name: str) -> None:
    for path in (f"api/models/{name}/llama", f"{name}/llama/resolve/main/a"):
        with pytest.raises(RepositoryNotFound):
            parse(path.encode())


@pytest.mark.parametrize("name", ["main", "v1.0", "a--b", "é", "a b", "a" * 255])
def test_a_folder_can_have_these_names(name: str) -> None:
    assert is_revision_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\n", "a" * 256, "é" * 128])
def test_no_revision_has_these_names(name: str) -> None:
    assert not is_revision_name(name)


@given(st.binary(max_size=40) | st.text("api/models.%2F\\é").map(str.encode))
def test_any_path_is_read_or_refused(path: bytes) -> None:
    try:
        found = parse(path)
    except PresignError:
        return
    if found.repository is not None:
        assert not {"", ".", ".."} & {*found.repository.id.split("/")}
        assert found.repository.id.count("/") == 1
