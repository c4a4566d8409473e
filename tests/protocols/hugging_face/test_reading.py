"""What the Hub's clients read: revisions, trees, paths, refs, files and who they are."""

from typing import Any, Final

import httpx
import pytest

from service.protocols.hugging_face.revisions import is_sha, name_digits
from tests.protocols.hugging_face.harness import (
    FILE,
    INFO,
    KEYS,
    LLAMA,
    MODIFIED,
    HubStore,
    run_hub,
    store_of,
    stored,
    told,
)
from tests.support.app import ADDRESS

TREE: Final = f"{INFO}/tree/main"


async def get(path: str, store: HubStore | None = None, method: str = "GET") -> httpx.Response:
    async with run_hub(store or store_of()) as client:
        return await client.request(method, path)


async def test_a_model_has_a_sha_and_its_files() -> None:
    answer = (await get(INFO)).json()
    assert is_sha(answer["sha"])
    assert answer["sha"].startswith(name_digits("main"))
    assert (answer["id"], answer["private"]) == ("acme/llama", True)
    assert answer["lastModified"] == MODIFIED
    names = [key.removeprefix(LLAMA) for key in KEYS if key.startswith(LLAMA)]
    assert answer["siblings"] == [{"rfilename": name} for name in names]


async def test_blobs_have_sizes() -> None:
    [first, *_] = (await get(f"{INFO}?blobs=true")).json()["siblings"]
    assert first["size"] == 5
    assert is_sha(first["blobId"])


async def test_a_dataset_is_in_its_own_place() -> None:
    store = store_of()
    answer = (await get("/hf/api/datasets/acme/squad/revision/main", store)).json()
    assert answer["siblings"] == [{"rfilename": "train.parquet"}]
    assert [each["prefix"] for each in store.asked] == ["datasets/acme/squad/main/"]


@pytest.mark.parametrize(
    ("path", "entries"),
    [
        ("", ["config.json", "onnx/", "weights.safetensors"]),
        ("/onnx", ["onnx/model.onnx", "onnx/q4/"]),
        ("/onnx/q4/", ["onnx/q4/model.onnx"]),
        ("/onnx?recursive=true", ["onnx/model.onnx", "onnx/q4/", "onnx/q4/model.onnx"]),
    ],
)
async def test_a_tree_has_files_and_folders(path: str, entries: list[str]) -> None:
    answer = await get(f"{TREE}{path}")
    kinds = {"directory": "/", "file": ""}
    assert [each["path"] + kinds[each["type"]] for each in answer.json()] == entries
    assert all(is_sha(each["oid"]) for each in answer.json())
    assert {each["size"] for each in answer.json()} <= {0, 5}


@pytest.mark.parametrize(
    "path", ["none", "config.json", "additional_chat_templates", "..%2Fv1", "onnx%2F..%2Fonnx"]
)
async def test_a_folder_that_is_none_is_no_entry(path: str) -> None:
    assert told(await get(f"{TREE}/{path}")) == (404, "EntryNotFound")


async def test_a_long_tree_has_pages() -> None:
    names = {f"{i:04} é" for i in range(2_100)}
    async with run_hub(store_of(f"{LLAMA}{name}" for name in names)) as client:
        pages, url = [], f"http://presign{TREE}?recursive=true&expand=false"
        while url:
            answer = await client.get(url)
            pages.append([each["path"] for each in answer.json()])
            url = answer.links.get("next", {}).get("url", "")
            assert url.startswith(f"http://presign{TREE}?") or not url
    assert [len(page) for page in pages] == [1000, 1000, 100]
    assert {name for page in pages for name in page} == names


async def test_pages_are_at_the_public_address() -> None:
    keys = [f"{LLAMA}{i}" for i in range(1_001)]
    server = {"public_url": "https://presign.acme.com/below"}
    async with run_hub(store_of(keys), server=server) as client:
        link = (await client.get(TREE)).links["next"]["url"]
    assert link.startswith(f"https://presign.acme.com/below{TREE}?recursive=false&cursor=")


@pytest.mark.parametrize("as_json", [False, True])
async def test_paths_are_described_and_missing_ones_left_out(as_json: bool) -> None:
    paths = ["onnx", "config.json", "none"]
    async with run_hub(store_of()) as client:
        body: dict[str, Any] = {"json" if as_json else "data": {"paths": paths}}
        answer = await client.post(f"{INFO}/paths-info/main", **body)
    assert [(each["type"], each["path"]) for each in answer.json()] == [
        ("directory", "onnx"),
        ("file", "config.json"),
    ]


async def test_many_paths_are_described() -> None:
    keys = [f"{LLAMA}folder-of-some-name/{i:04}" for i in range(2_000)]
    paths = [key.removeprefix(LLAMA) for key in keys]
    async with run_hub(store_of(keys)) as client:
        answer = await client.post(f"{INFO}/paths-info/main", json={"paths": paths})
    assert [each["path"] for each in answer.json()] == paths


async def test_refs_are_the_folders_with_files() -> None:
    keys = [*KEYS, "models/acme/llama/empty/", f"models/acme/llama/{'a' * 40}/x"]
    async with run_hub(store_of(keys)) as client:
        refs = (await client.get(f"{INFO}/refs?include_prs=1")).json()
        shas = [(await client.get(f"{INFO}/revision/{at}")).json()["sha"] for at in ("main", "v1")]
    assert refs["branches"] == [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha}
        for name, sha in zip(("main", "v1"), shas, strict=True)
    ]
    assert refs["tags"] == refs["converts"] == refs["pullRequests"] == []


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_file_is_a_redirect_with_what_a_client_needs(method: str) -> None:
    async with run_hub(store_of()) as client:
        sha = (await client.get(INFO)).json()["sha"]
        answer = await client.request(method, FILE, headers={"Range": "bytes=0-0"})
    assert (answer.status_code, answer.content) == (307, b"")
    assert answer.headers["x-repo-commit"] == sha
    assert answer.headers["x-linked-size"] == "5"
    assert answer.headers["etag"] == answer.headers["x-linked-etag"]
    assert is_sha(answer.headers["etag"].strip('"'))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers.get_list("cache-control") == ["private", "no-store"]
    assert answer.headers["vary"] == "Authorization, Origin"


async def test_a_heads_location_is_signed_for_get() -> None:
    """A client sends its GET to the address that its HEAD got."""
    key = f"{LLAMA}config.json"
    body = {"bucket": "demo", "key": key, "expires_in": 3600}
    async with run_hub(store_of()) as client:
        dates: tuple[str, str] = ("", "another")
        while dates[0] != dates[1]:  # of another second
            head = httpx.URL((await client.head(FILE)).headers["location"])
            signed = httpx.URL((await client.post("/v1/download-urls", json=body)).json()["url"])
            dates = (head.params["X-Amz-Date"], signed.params["X-Amz-Date"])
    assert (head.host, head.path) == (ADDRESS.host, f"/{key}")
    assert head.params["X-Amz-Signature"] == signed.params["X-Amz-Signature"]
    assert int(head.params["X-Amz-Expires"]) <= 3600


async def test_a_grant_limits_how_long_a_url_lives() -> None:
    limited = {"bucket": "demo", "prefix": "", "allow": ["list", "download"], "max_expires_in": 60}
    async with run_hub(store_of(), limited) as client:
        url = httpx.URL((await client.head(FILE)).headers["location"])
    assert url.params["X-Amz-Expires"] == "60"


@pytest.mark.parametrize("size", [0, 6 * 1024**3])
async def test_files_of_any_size_have_it(size: int) -> None:
    store = HubStore({f"{LLAMA}config.json": stored(etag="&quot;abc-12&quot;", size=size)})
    assert (await get(FILE, store)).headers["x-linked-size"] == str(size)


@pytest.mark.parametrize("name", ["a b.txt", "é/ü.txt", "a--b", "x%2Fy", "a#b?c&d=e", "a;b,c"])
async def test_a_file_of_any_name_can_be_read(name: str) -> None:
    key = f"{LLAMA}{name}"
    encoded = httpx.QueryParams({"": name}).__str__()[1:].replace("+", "%20")
    path = f"/hf/acme/llama/resolve/main/{encoded}"
    async with run_hub(store_of([key])) as client:
        answer = await client.head(httpx.URL("http://presign", raw_path=path.encode()))
    assert answer.status_code == 307
    assert httpx.URL(answer.headers["location"]).path == f"/{key}"


async def test_a_caller_learns_its_name() -> None:
    answer = await get("/hf/api/whoami-v2")
    assert answer.json() == {"type": "user", "name": "tester", "orgs": []}
