"""Who is refused, in the words that the Hub's clients read, and what hostile requests get."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from service.protocols.hugging_face.folders import MAX_FILES
from service.protocols.hugging_face.repositories import MAX_REFS, Repositories
from service.protocols.hugging_face.schemas import MAX_BODY_BYTES
from tests.protocols.hugging_face.harness import (
    FILE,
    HUB,
    INFO,
    KEYS,
    LLAMA,
    HubStore,
    grant,
    run_hub,
    sha_of_name,
    store_of,
    told,
)
from tests.support.app import app_of, make_app_settings, run_app
from tests.support.cloudfront import settings_with_cloudfront

NO_REPOSITORY: Final = (404, "RepoNotFound")
NO_REVISION: Final = (404, "RevisionNotFound")
NO_ENTRY: Final = (404, "EntryNotFound")


async def ask(
    path: str,
    *grants: dict[str, Any],
    method: str = "GET",
    store: HubStore | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> httpx.Response:
    async with run_hub(store or store_of(), *grants, **more) as client:
        return await client.request(method, path, headers=headers)


async def test_without_credentials_a_repository_is_not_found() -> None:
    async with run_hub(store_of()) as client:
        del client.headers["Authorization"]
        answer = await client.get(INFO)
    assert told(answer) == (401, "RepoNotFound")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("credentials", ["Bearer wrong", "Bearer a.b.c", "Basic eDp5", "x"])
async def test_a_wrong_token_has_the_words_that_clients_compare(credentials: str) -> None:
    async with run_hub(store_of()) as client:
        client.headers["Authorization"] = credentials
        answers = [await client.get(path) for path in (INFO, FILE, "/hf/api/whoami-v2")]
    assert {told(answer) for answer in answers} == {(401, None)}
    words = {answer.headers["x-error-message"] for answer in answers}
    assert words == {"Invalid credentials in Authorization header"}


async def test_a_key_that_is_over_is_a_wrong_token() -> None:
    settings = make_app_settings(grant(""), hugging_face=HUB)
    [caller] = settings.callers
    over = caller.model_copy(update={"not_after": datetime(2026, 1, 1, tzinfo=UTC)})
    async with run_app(settings.model_copy(update={"callers": (over,)})) as client:
        assert told(await client.get(INFO)) == (401, None)


@pytest.mark.parametrize(
    "path",
    [
        "/hf/api/models/other/secret",
        "/hf/api/models/other/secret/tree/main",
        "/hf/api/models/other/secret/refs",
        f"/hf/api/models/other/secret/revision/{sha_of_name('main')}",
        "/hf/api/models/other/secret/revision/refs%2Fpr%2F1",
        "/hf/other/secret/resolve/..%2Fmain/config.json",
        "/hf/other/secret/resolve/main/config.json",
        "/hf/other/secret/resolve/main/none.json",
        "/hf/api/models/other/none",
        "/hf/other/none/resolve/main/config.json",
        "/hf/api/models/acme/none",
        "/hf/acme/none/resolve/main/config.json",
        f"/hf/api/models/{'a' * 97}/none",
        "/hf/api/models/acme/..%2F..%2Fother",
        "/hf/api/datasets/acme/none",
    ],
)
async def test_unknown_and_forbidden_repositories_look_the_same(path: str) -> None:
    answer = await ask(path, grant("models/acme/"), grant("datasets/acme/"))
    assert told(answer) == NO_REPOSITORY
    message = "There is no such repository, or you have no grant for it."
    assert answer.headers["x-error-message"] == message
    assert answer.json() == {
        "error": message,
        "code": answer.json()["code"],
        "request_id": answer.headers["x-request-id"],
    }


async def test_a_kind_that_is_not_configured_has_no_repositories() -> None:
    answer = await ask("/hf/api/datasets/acme/squad", hugging_face={"models": HUB["models"]})
    assert told(answer) == NO_REPOSITORY


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_missing_file_has_the_commit(method: str) -> None:
    async with run_hub(store_of()) as client:
        sha = (await client.get(INFO)).json()["sha"]
        answer = await client.request(method, "/hf/acme/llama/resolve/main/none.json")
    assert told(answer) == NO_ENTRY
    assert answer.headers["x-repo-commit"] == sha


@pytest.mark.parametrize(
    "path",
    [
        *("..%2Fv1%2Fconfig.json", "onnx%2F..%2Fconfig.json", ".%2Fconfig.json", "%2Fconfig.json"),
        *("onnx%2F%2Fmodel.onnx", "onnx", "onnx%2F", "config.json%2F", "%00", "config.json%0A"),
        "..%2F..%2F..%2Fother%2Fsecret%2Fmain%2Fconfig.json",
    ],
)
async def test_a_path_that_climbs_names_no_file(path: str) -> None:
    lines = list[bytes]()
    answer = await ask(f"/hf/acme/llama/resolve/main/{path}", audit=lines.extend)
    assert told(answer) == NO_ENTRY
    assert {json.loads(line)["operation"] for line in lines} == {"list"}


@pytest.mark.parametrize(
    "revision",
    [
        *(
            "none",
            "refs%2Fpr%2F1",
            "a%0Ab",
            "x%2E%2E%2Fmain",
            "..%2F..%2Fother%2Fsecret%2Fmain",
            "a%00",
        ),
        *("a" * 300, "main%2Fonnx", "%F0%9F%A6%99" * 64, "0" * 40, sha_of_name("main")),
    ],
)
async def test_a_revision_that_is_none_is_not_found(revision: str) -> None:
    async with run_hub(store_of()) as client:
        info = await client.get(f"{INFO}/revision/{revision}")
        file = await client.head(f"/hf/acme/llama/resolve/{revision}/config.json")
    assert told(info) == told(file) == NO_REVISION


@pytest.mark.parametrize("keys", [[LLAMA], [f"{LLAMA}a/"], [f"{LLAMA}../x"], [f"{LLAMA}a//b"]])
async def test_a_revision_without_files_is_not_found(keys: list[str]) -> None:
    store = store_of([*keys, "models/acme/llama/v1/x"])
    async with run_hub(store) as client:
        answers = [await client.get(INFO), await client.head(FILE)]
        refs = await client.get(f"{INFO}/refs")
    assert {told(answer) for answer in answers} == {NO_REVISION}
    assert [each["name"] for each in refs.json()["branches"]] == ["v1"]


async def test_an_empty_repository_has_no_refs() -> None:
    assert told(await ask(f"{INFO}/refs", store=store_of([LLAMA]))) == NO_REPOSITORY


@pytest.mark.parametrize("path", [INFO, f"{INFO}/tree/main", FILE, f"{INFO}/refs"])
@pytest.mark.parametrize("allow", ["download", "head", "upload"])
async def test_everything_needs_list(path: str, allow: str) -> None:
    assert told(await ask(path, grant("", allow))) == NO_REPOSITORY


async def test_a_file_needs_download() -> None:
    assert told(await ask(FILE, grant("", "list", "head", "check"))) == NO_REPOSITORY


async def test_a_file_needs_list_on_its_whole_revision() -> None:
    deeper = grant(f"{LLAMA}onnx/")
    assert told(await ask("/hf/acme/llama/resolve/main/onnx/model.onnx", deeper)) == NO_REPOSITORY
    files = [grant(LLAMA, "list"), grant(f"{LLAMA}onnx/", "download")]
    answer = await ask("/hf/acme/llama/resolve/main/onnx/model.onnx", *files)
    assert answer.status_code == 307
    assert told(await ask(FILE, *files)) == NO_REPOSITORY


async def test_one_revision_can_be_granted_alone() -> None:
    v1 = grant("models/acme/llama/v1/")
    async with run_hub(store_of(), v1, v1 | {"max_keys": 5}) as client:
        info = await client.get(f"{INFO}/revision/v1")
        by_sha = await client.get(f"{INFO}/revision/{info.json()['sha']}")
        over = await client.get(f"{INFO}/revision/{sha_of_name('v1')}")
        refs = await client.get(f"{INFO}/refs")
        main = [await client.get(INFO), await client.get(f"{INFO}/tree/{sha_of_name('main')}")]
    assert by_sha.json() == info.json()
    assert told(over) == NO_REVISION
    assert [each["name"] for each in refs.json()["branches"]] == ["v1"]
    assert {told(answer) for answer in main} == {NO_REPOSITORY}


async def test_too_many_files_are_refused_with_the_number() -> None:
    store = store_of(f"{LLAMA}{i}" for i in range(MAX_FILES + 1))
    async with run_hub(store) as client:
        answer = await client.get(INFO)
        asked = len(store.asked)
        del store.objects[f"{LLAMA}0"]
        most = await client.get(INFO)
    assert told(answer) == (422, None)
    assert f"{MAX_FILES:,} files" in answer.headers["x-error-message"]
    assert asked == 11
    assert len(most.json()["siblings"]) == MAX_FILES


async def test_too_many_refs_are_refused_with_the_number() -> None:
    store = store_of(f"models/acme/llama/v{i}/x" for i in range(MAX_REFS + 1))
    answer = await ask(f"{INFO}/refs", store=store)
    assert told(answer) == (422, None)
    assert f"{MAX_REFS} revisions" in answer.json()["error"]
    assert len(store.asked) == 1


async def test_a_store_that_fails_is_503_without_a_code() -> None:
    store = store_of()
    store.status = 503
    assert told(await ask(INFO, store=store)) == (503, None)


async def test_a_store_that_refuses_is_502_without_a_code() -> None:
    store = store_of()
    store.status = 403
    assert told(await ask(INFO, store=store)) == (502, None)


@pytest.mark.parametrize(
    "path",
    [
        "/hf/api/repos/create",
        f"{INFO}/preupload/main",
        f"{INFO}/commit/main",
        "/hf/api/datasets/acme/squad/commit/main",
    ],
)
async def test_what_would_write_says_how_to_upload(path: str) -> None:
    async with run_hub(store_of()) as client:
        answer = await client.post(path, content=b"x" * 1000)
        long = await client.post(path, content=b"x" * (2 * 1024**2))
    assert told(answer) == told(long) == (501, None)
    assert "presign put -r DIR" in answer.headers["x-error-message"]
    assert (answer.headers.get("connection"), long.headers["connection"]) == (None, "close")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(method: str) -> None:
    assert (await ask(INFO, method=method)).status_code == 405


@pytest.mark.parametrize("path", ["/hf/", "/hf/api/spaces/acme/x", "/hf/api/models", "/hf/x"])
async def test_what_the_hub_does_not_have_is_no_repository(path: str) -> None:
    assert told(await ask(path)) == (404, None)
    assert told(await ask(path, method="POST")) == (404, None)


async def test_long_paths_are_refused() -> None:
    async with run_hub(store_of()) as client:
        url = f"{INFO}/paths-info/main"
        long = await client.post(url, content=b"x" * (MAX_BODY_BYTES + 1))
        encoded = await client.post(url, headers={"Content-Encoding": "gzip"}, content=b"x")
        broken = await client.post(url, headers={"Content-Type": "application/json"}, content=b"{")
    assert [answer.status_code for answer in (long, encoded, broken)] == [413, 415, 400]


@pytest.mark.parametrize("name", ["demo.s3.example", "DEMO.s3.example:8000"])
async def test_a_store_with_the_same_host_name_is_refused(name: str) -> None:
    lines = list[bytes]()
    answer = await ask(FILE, headers={"Host": name}, method="HEAD", audit=lines.extend)
    assert told(answer) == (401, None)
    assert "host name" in answer.headers["x-error-message"]
    assert "location" not in answer.headers
    assert (await ask(INFO, headers={"Host": name})).status_code == 200


@pytest.mark.parametrize("name", ["[", "[::1", "]"])
async def test_a_host_that_is_none_is_refused(name: str) -> None:
    answer = await ask(FILE, headers={"Host": name})
    assert told(answer) == (422, None)
    assert answer.headers["x-error-message"] == "The request's `Host` is no host."


@pytest.mark.parametrize(
    ("surfaces", "own", "other"),
    [
        (["protocols"], "media.example", "demo.s3.example"),
        (["downloads"], "demo.s3.example", "media.example"),
    ],
)
async def test_the_host_that_delivers_is_the_one_compared(
    tmp_path: Path, surfaces: list[str], own: str, other: str
) -> None:
    section = settings_with_cloudfront(tmp_path, url="https://media.example", deliver=surfaces)
    role = "arn:aws:iam::111122223333:role/presign"
    delivered = {"region": "eu-west-1", "role_arn": role, "cloudfront": section}
    buckets: dict[str, Any] = {"buckets": {"demo": delivered}}
    answers = [await ask(FILE, headers={"Host": name}, **buckets) for name in (own, other)]
    assert [answer.status_code for answer in answers] == [401, 307]


async def test_a_hub_that_a_reload_removed_is_gone() -> None:
    async with run_hub(store_of()) as client:
        app_of(client).parts.use_case(Repositories).configure(None)
        answers = [await client.get(path) for path in (INFO, FILE)]
    assert {told(answer) for answer in answers} == {(404, None)}
    assert "does not offer the Hugging Face Hub" in answers[0].json()["error"]


async def test_a_hub_that_is_off_says_so() -> None:
    answer = await ask(INFO, hugging_face=None)
    assert told(answer) == (404, None)
    assert "does not offer the Hugging Face Hub" in answer.json()["error"]


async def test_a_used_up_rate_is_429() -> None:
    async with run_hub(store_of(), rate_limit="2/minute") as client:
        answers = [await client.head(FILE) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [307, 429]
    assert int(answers[1].headers["retry-after"]) > 0


async def test_each_request_is_counted() -> None:
    """A listing by its pages, and each request that a kept one answers as one URL."""
    async with run_hub(store_of(), rate_limit="5/minute") as client:
        paths = [INFO, f"{INFO}/tree/main", FILE, "/hf/acme/llama/resolve/main/none"]
        answers = [await client.get(path) for path in (*paths, INFO, INFO)]
    assert [answer.status_code for answer in answers] == [200, 200, 307, 404, 200, 429]


@pytest.mark.parametrize(
    "path",
    [
        "/hf/acme/llama/resolve/main/none",
        f"/hf/acme/llama/resolve/{sha_of_name('main')}/config.json",
        f"/hf/acme/llama/resolve/{'0' * 40}/config.json",
        "/hf/acme/llama/resolve/refs%2Fpr%2F1/config.json",
        "/hf/acme/llama/resolve/v9/config.json",
        f"{INFO}/tree/main/none",
        "/hf/api/models/acme/none",
    ],
)
async def test_what_is_not_found_is_counted_too(path: str) -> None:
    lines = list[bytes]()
    async with run_hub(store_of(), rate_limit="12/minute", audit=lines.extend) as client:
        await client.get(INFO)
        answers = [(await client.get(path)).status_code for _ in range(12)]
    assert {*answers} == {404, 429}
    assert answers[-1] == 429
    assert len(lines) > 12


async def test_each_request_is_in_the_audit_trail() -> None:
    lines = list[bytes]()
    async with run_hub(store_of(KEYS), grant("models/acme/"), audit=lines.extend) as client:
        for path in (INFO, f"{INFO}/tree/main", FILE, "/hf/api/models/other/secret"):
            await client.get(path)
    kept = [json.loads(line) for line in lines]
    assert [(each["operation"], each["keys"], each["decision"]) for each in kept] == [
        ("list", [LLAMA], "allowed"),
        ("list", [LLAMA], "allowed"),
        ("download", [f"{LLAMA}config.json"], "allowed"),
        ("list", ["models/other/secret/main/"], "denied"),
    ]
