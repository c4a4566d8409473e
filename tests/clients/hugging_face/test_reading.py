"""What huggingface_hub reads without a download: descriptions, trees, and parts of files."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.clients.hugging_face.hub import FILES, Hub, Program

REFUSED = (
    ('snapshot_download("other/secret")', "RepositoryNotFoundError"),
    ('snapshot_download("acme/none")', "RepositoryNotFoundError"),
    ('hf_hub_download("acme/none", "x")', "RepositoryNotFoundError"),
    ('snapshot_download("acme/llama", revision="v9")', "RevisionNotFoundError"),
    ('snapshot_download("acme/llama", revision="refs/pr/1")', "RevisionNotFoundError"),
    ('snapshot_download("acme/llama", revision="0" * 40)', "RevisionNotFoundError"),
    ('snapshot_download("acme/a--b")', "HFValidationError"),
    ('hf_hub_download("acme/llama", "none.txt")', "RemoteEntryNotFoundError"),
    ('[*api.list_repo_tree("acme/llama", "none")]', "RemoteEntryNotFoundError"),
    ('api.model_info("acme/llama", token=False)', "RepositoryNotFoundError"),
    ('api.model_info("acme/llama", token="wrong")', "HfHubHTTPError"),
    ('api.create_repo("acme/new")', "HfHubHTTPError"),
    ('api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="acme/llama")', "HfHubHTTPError"),
)  # fmt: skip


def test_the_api_describes_repositories(program: Program) -> None:
    found = program.python(
        """
import json
from huggingface_hub import HfApi
api = HfApi()
info = api.model_info("acme/llama", files_metadata=True)
tree = [*api.list_repo_tree("acme/llama", recursive=True, expand=True)]
refs = api.list_repo_refs("acme/llama", include_pull_requests=True)
print(json.dumps({
    "sizes": {each.rfilename: each.size for each in info.siblings},
    "tree": [type(each).__name__ + " " + each.path for each in tree],
    "paths": [each.path for each in api.get_paths_info("acme/llama", ["onnx", "none", "empty.txt"])],
    "refs": [each.name for each in refs.branches],
    "is commit": refs.branches[0].target_commit == info.sha,
    "time": info.last_modified is not None,
    "exists": [
        api.repo_exists("acme/llama"), api.repo_exists("acme/none"), api.repo_exists("other/secret"),
        api.revision_exists("acme/llama", "v1"), api.revision_exists("acme/llama", "v9"),
        api.file_exists("acme/llama", "config.json"), api.file_exists("acme/llama", "none"),
    ],
    "files": api.list_repo_files("acme/llama", revision="v1"),
    "name": api.whoami()["name"],
}))
"""
    )
    folders = {"onnx", "onnx/q4"}
    kinds = {each: "RepoFolder" if each in folders else "RepoFile" for each in {*FILES} | folders}
    assert found == {
        "sizes": {name: len(body) for name, body in FILES.items()},
        "tree": [f"{kinds[path]} {path}" for path in sorted(kinds)],
        "paths": ["onnx", "empty.txt"],
        "refs": ["main", "v1"],
        "is commit": True,
        "time": True,
        "exists": [True, False, False, True, False, True, False],
        "files": ["config.json"],
        "name": "reader",
    }
    assert program.hub.recorded.requests == []


def test_the_file_system_lists_and_reads_ranges(program: Program) -> None:
    found = program.python(
        """
import json
from huggingface_hub import HfFileSystem
fs = HfFileSystem()
with fs.open("acme/llama/weights.safetensors", block_size=100) as file:
    file.seek(1000)
    part = [*file.read(4)]
print(json.dumps({
    "ls": sorted(fs.ls("acme/llama", detail=False)),
    "glob": sorted(fs.glob("acme/llama/**/*.onnx")),
    "find": len(fs.find("hf://acme/llama@v1")),
    "info": fs.info("acme/llama/onnx/model.onnx")["size"],
    "folder": fs.isdir("acme/llama/onnx"),
    "exists": [fs.exists("acme/llama/none"), fs.exists("acme/none"), fs.exists("other/secret")],
    "text": fs.cat("acme/llama/a b \u00e9.txt").decode(),
    "part": part,
}))
"""
    )
    top = {name.partition("/")[0] for name in FILES}
    assert found == {
        "ls": sorted(f"acme/llama/{name}" for name in top),
        "glob": ["acme/llama/onnx/model.onnx", "acme/llama/onnx/q4/model.onnx"],
        "find": 1,
        "info": 4,
        "folder": True,
        "exists": [False, False, False],
        "text": "\u00e9",
        "part": [*FILES["weights.safetensors"][1000:1004]],
    }
    ranges = {each.headers.get("range") for each in program.hub.recorded.requests}
    assert "bytes=1000-1103" in ranges
    assert all("authorization" not in each.headers for each in program.hub.recorded.requests)


def test_refusals_are_the_clients_own_exceptions(program: Program) -> None:
    calls = "".join(
        f"try:\n    {call}\nexcept Exception as error:\n"
        "    found.append([type(error).__name__, str(error)])\n"
        for call, _ in REFUSED
    )
    found = program.python(
        "import json\nfrom huggingface_hub import HfApi, hf_hub_download, snapshot_download\n"
        f"api, found = HfApi(), []\n{calls}print(json.dumps(found))"
    )
    expected = [(name, found[at][1]) for at, (_, name) in enumerate(REFUSED)]
    assert [(name, said) for name, said in found] == expected
    assert all("presign put -r DIR" in said for _, said in found[-2:])
    assert "Invalid credentials" in found[10][1]


@pytest.fixture(scope="module")
def long(hub: Hub) -> int:
    """How many files the model `acme/long` has."""
    count = 1_050
    keys = [f"models/acme/long/main/{number:04}" for number in range(count)]
    with ThreadPoolExecutor(8) as pool:
        assert len([*pool.map(lambda key: hub.store.put(key, b"x"), keys)]) == count
    return count


def test_long_listings_have_pages(program: Program, long: int) -> None:
    """The client asks for the second page at the address that the first one has."""
    found = program.python(
        """
import json
from huggingface_hub import HfApi
print(json.dumps(len([*HfApi().list_repo_tree("acme/long")])))
"""
    )
    assert found == long
