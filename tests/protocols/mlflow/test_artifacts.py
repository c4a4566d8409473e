"""Listing, small files, downloads and deletion, as MLflow's client requests them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.presigning.listings import MAX_PAGES
from service.protocols.mlflow.paths import is_listed
from service.protocols.mlflow.routes import Mlflow
from tests.app.services.harness import called_here
from tests.multipart.fake_s3 import loses_answer, loses_request, refuses
from tests.protocols.mlflow.harness import API, PREFIX, ROOTS, Harness, refused, settings, start
from tests.s3.fake_store import query_of
from tests.support.app import ADDRESS, API_KEY, app_of, make_app_settings, make_open_grant
from tests.support.scrapes import samples, value
from tests.support.virtual_time import in_virtual_time


def parameters(url: str) -> dict[str, str]:
    return query_of(httpx.Request("GET", url))


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_the_server_says_that_it_takes_parts(harness: Harness) -> None:
    answer = await harness.client.get("/api/3.0/mlflow/server-info")
    assert answer.json() == {
        "store_type": None,
        "workspaces_enabled": False,
        "multipart_uploads_enabled": True,
        "multipart_downloads_enabled": True,
    }


async def test_a_folder_is_listed_with_its_sizes(harness: Harness) -> None:
    harness.store.has("1/run/a b+c.txt", "1/run/plots/x.png", "1/run/plots/y.png", "1/other.txt")
    harness.store.has("1/run/", size=0)  # what some programs put there as a folder
    answer = await harness.client.get(f"{API}/artifacts", params={"path": "team/1/run"})
    assert answer.json() == {
        "files": [
            {"path": "plots", "is_dir": True},
            {"path": "a b+c.txt", "is_dir": False, "file_size": 5},
        ]
    }


async def test_all_pages_of_a_listing_are_read(harness: Harness) -> None:
    harness.store.page = 2
    harness.store.has(*"abcde")
    assert await harness.names("team/") == [*"abcde"]


async def test_a_file_is_listed_as_nothing(harness: Harness) -> None:
    harness.store.has("1/a.txt")
    assert await harness.names("team/1/a.txt") == []


async def test_names_that_mlflow_refuses_are_not_listed(harness: Harness) -> None:
    harness.store.has(
        "ok", "a#b", "a\\b", "C:evil", "e%20f", "a?b", "..", "x//y", "./z", "file:a", " FILE:b"
    )
    assert await harness.names() == ["x", "ok"]
    assert await harness.names("team/x") == []


async def test_too_many_pages_are_refused(harness: Harness) -> None:
    harness.store.page = 1
    harness.store.has(*(f"f{number:02}" for number in range(MAX_PAGES + 1)))
    answer = await harness.client.get(f"{API}/artifacts", params={"path": "team"})
    assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")


async def test_the_names_of_a_long_listing_are_read_in_a_thread(harness: Harness) -> None:
    harness.store.has(*(f"1/{number:04}" for number in range(1001)))
    with called_here(is_listed) as called:
        assert len(await harness.names("team/1")) == 1001
    assert called == []


async def test_a_download_is_signed_with_its_size(harness: Harness) -> None:
    harness.store.has("1/a b.txt", size=7)
    answer = (await harness.send("GET", "/presigned/team/1/a%20b.txt")).json()
    assert answer["file_size"] == 7
    assert answer["headers"] == {}
    assert answer["url"].startswith(f"https://{ADDRESS.host}/{PREFIX}1/a%20b.txt?")
    operations = [line["operation"] for line in harness.audit_lines]
    assert operations == ["head", "download"]


async def test_a_missing_artifact_is_reported(harness: Harness) -> None:
    answer = await harness.send("GET", "/presigned/team/1/none.txt")
    assert refused(answer) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert answer.json()["message"] == "There is no such artifact."


async def test_without_multipart_downloads_a_client_is_redirected(harness: Harness) -> None:
    answer = await harness.send("GET", "/artifacts/team/1/a.txt")
    assert (answer.status_code, answer.content) == (307, b"")
    assert answer.headers["location"].startswith(f"https://{ADDRESS.host}/{PREFIX}1/a.txt?")


async def test_a_small_file_is_redirected_with_its_type(harness: Harness) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = await harness.send(
        "PUT", "/artifacts/team/1/a%25b.txt", content=b"hello", headers=headers
    )
    assert answer.status_code == 307
    location = answer.headers["location"]
    assert location.startswith(f"https://{ADDRESS.host}/{PREFIX}1/a%25b.txt?")
    assert parameters(location)["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert harness.store.requests == []
    discarded = value(await samples(harness.client), "discarded_body_bytes_total")
    assert discarded == len(b"hello")


@pytest.mark.parametrize("content", [b"", in_chunks(), in_chunks(b"")])
async def test_an_empty_file_is_stored(harness: Harness, content: Any) -> None:
    headers = {"Content-Type": "text/plain"}
    path = "/artifacts/team/1/empty.txt"
    answer = await harness.send("PUT", path, content=content, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    assert harness.store.objects[f"{PREFIX}1/empty.txt"][1] == 0
    [sent] = harness.store.requests
    assert sent.headers["content-type"] == "text/plain"
    [line] = harness.audit_lines
    assert (line["operation"], line["decision"]) == ("upload", "allowed")


async def test_a_chunked_file_with_bytes_is_refused(harness: Harness) -> None:
    answer = await harness.send("PUT", "/artifacts/team/1/a", content=in_chunks(b"x"))
    assert refused(answer) == (411, "INVALID_PARAMETER_VALUE")
    assert harness.store.requests == []


async def test_an_empty_file_replaces_only_where_granted(harness: Harness) -> None:
    harness.store.has("1/a")
    async with start(settings(allow_overwrite=False)) as strict:
        strict.store.has("1/a")
        answer = await strict.send("PUT", "/artifacts/team/1/a", content=b"")
        assert refused(answer) == (412, "RESOURCE_ALREADY_EXISTS")
        assert (await strict.send("PUT", "/artifacts/team/1/b", content=b"")).status_code == 200
    assert (await harness.send("PUT", "/artifacts/team/1/a", content=b"")).status_code == 200
    assert harness.store.objects[f"{PREFIX}1/a"][1] == 0


@in_virtual_time
async def test_an_empty_file_whose_answer_was_lost_is_stored() -> None:
    async with start(settings(allow_overwrite=False)) as harness:
        harness.store.faults["put"] = [loses_answer]
        answer = await harness.send("PUT", "/artifacts/team/1/a", content=b"")
        assert (answer.status_code, answer.json()) == (200, {})
        assert harness.store._events == ["put", "put", "objects"]


@pytest.mark.parametrize("size", [0, 5])
@pytest.mark.parametrize("found", [True, False])
@in_virtual_time
async def test_a_file_of_others_still_exists_after_a_lost_answer(size: int, *, found: bool) -> None:
    async with start(settings(allow_overwrite=False)) as harness:
        harness.store.has("1/a", size=size)
        harness.store.faults["put"] = [loses_request]
        harness.store.faults["objects"] = [] if found else [refuses(403, "AccessDenied")]
        answer = await harness.send("PUT", "/artifacts/team/1/a", content=b"")
        if size == 0 and found:  # it is what was to be stored
            assert answer.status_code == 200
        else:
            assert refused(answer) == (412, "RESOURCE_ALREADY_EXISTS")


async def test_a_bucket_without_conditional_writes_stores_nothing_new() -> None:
    bucket = {"region": "eu-west-1", "credentials": "static", "conditional_writes": False}
    grant = make_open_grant(bucket="old", prefix="", allow_overwrite=False)
    roots = {"team": {"bucket": "old", "prefix": ""}}
    configured = make_app_settings(grant, buckets={"old": bucket}, mlflow={"roots": roots})
    async with start(configured) as harness:
        answer = await harness.send("PUT", "/artifacts/team/1/a", content=b"")
        assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")
        assert answer.json()["code"] == "create_only_unsupported"
        assert harness.store.requests == []


async def test_a_small_file_needs_the_right_to_replace() -> None:
    async with start(settings(allow_overwrite=False)) as harness:
        answer = await harness.send("PUT", "/artifacts/team/1/a", content=b"x")
    assert refused(answer) == (428, "INVALID_PARAMETER_VALUE")
    assert "`allow_overwrite`" in answer.json()["message"]
    assert "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=1" in answer.json()["message"]


async def test_a_folder_is_deleted_with_all_that_is_below(harness: Harness) -> None:
    harness.store.page = 2
    harness.store.has("1/run/a", "1/run/b/c", "1/run/b/d", "1/run", "1/running/e", "2/f")
    answer = await harness.send("DELETE", "/artifacts/team/1/run/")
    assert (answer.status_code, answer.json()) == (200, {})
    assert harness.store.names() == ["1/run", "1/running/e", "2/f"]
    deleted = [line["keys"] for line in harness.audit_lines if line["operation"] == "delete"]
    assert deleted == [[f"{PREFIX}1/run/a", f"{PREFIX}1/run/b/c"], [f"{PREFIX}1/run/b/d"]]


async def test_an_empty_page_does_not_end_a_deletion(harness: Harness) -> None:
    """SeaweedFS lists directories whose objects were all deleted. They are left out of a page."""
    harness.store.page = 1
    harness.store.has("1/run/b")
    harness.store.objects[f"{PREFIX}1/run/a/"] = ('""', 0)
    assert (await harness.send("DELETE", "/artifacts/team/1/run")).status_code == 200
    assert harness.store.names() == ["1/run/a/"]


async def test_a_file_is_deleted_alone(harness: Harness) -> None:
    harness.store.has("1/a.txt", "1/a.txt.old")
    assert (await harness.send("DELETE", "/artifacts/team/1/a.txt")).status_code == 200
    assert harness.store.names() == ["1/a.txt.old"]


async def test_deleting_what_is_not_there_is_no_error(harness: Harness) -> None:
    assert (await harness.send("DELETE", "/artifacts/team/1/none")).status_code == 200


async def test_a_key_that_climbs_is_not_deleted(harness: Harness) -> None:
    harness.store.has("1/../2/a", "2/a")
    answer = await harness.send("DELETE", "/artifacts/team/1")
    assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")
    assert harness.store.names() == ["1/../2/a", "2/a"]


async def test_a_root_is_never_deleted(harness: Harness) -> None:
    harness.store.has("1/a")
    for path in ("/artifacts/team", "/artifacts/team/"):
        answer = await harness.send("DELETE", path)
        assert refused(answer) == (422, "INVALID_PARAMETER_VALUE")
    assert harness.store.names() == ["1/a"]


async def test_few_objects_are_deleted_at_a_time(harness: Harness) -> None:
    harness.store.has(*(f"1/{number}" for number in range(250)))
    harness.store.faults["delete"] = [refuses(403, "AccessDenied")]
    answer = await harness.send("DELETE", "/artifacts/team/1")
    assert refused(answer) == (502, "INTERNAL_ERROR")
    lines = [line for line in harness.audit_lines if line["operation"] == "delete"]
    assert [len(line["keys"]) for line in lines] == [100]
    assert harness.store._events.count("delete") <= 16, "the first error must end the others"


async def test_a_deletion_gets_on_with_a_low_rate_limit() -> None:
    grant = make_open_grant(allow=["list", "delete"], prefix=PREFIX)
    limited = make_app_settings(grant, rate_limit="20/minute", mlflow={"roots": ROOTS})
    async with start(limited) as harness:
        harness.store.has(*(f"1/{number:03}" for number in range(30)))
        answer = await harness.send("DELETE", "/artifacts/team/1")
        assert refused(answer) == (429, "REQUEST_LIMIT_EXCEEDED")
        assert len(harness.store.names()) == 11  # the listing counts too


@in_virtual_time
async def test_a_deletion_that_takes_too_long_can_be_repeated() -> None:
    async with start() as harness:
        harness.store.has(*(f"1/{number:03}" for number in range(200)))
        harness.store.delays["delete"] = 4.9  # of the 5 s that one attempt may take
        began = asyncio.get_running_loop().time()
        answer = await harness.send("DELETE", "/artifacts/team/1")
        assert refused(answer) == (504, "TEMPORARILY_UNAVAILABLE")
        assert 60 <= asyncio.get_running_loop().time() - began < 61
        harness.store.delays["delete"] = 0
        assert 0 < len(harness.store.names()) < 200
        assert (await harness.send("DELETE", "/artifacts/team/1")).status_code == 200
        assert harness.store.names() == []


async def test_no_answer_of_a_store_has_the_key(harness: Harness) -> None:
    harness.store.has("1/a")
    answer = await harness.send("GET", "/presigned/team/1/a")
    assert API_KEY not in answer.text
    assert app_of(harness.client).parts.use_case(Mlflow).configured.find("team").prefix == PREFIX
