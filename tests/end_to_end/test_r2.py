"""R2's tokens at a stub that keeps their actions and paths: tests/support/r2_store.py. Not at R2.

The client's commands, credentials, and what R2 does not have. test_r2_urls.py has what URLs cannot do.
"""

import os
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from service.cli.main import main
from tests.end_to_end.at_r2 import (
    CALLERS,
    MIXED,
    PROGRAM,
    PUBLIC_URL,
    READS_A,
    AtR2,
    allowed,
    client_of,
    run_at_r2,
)
from tests.end_to_end.client import wait_for
from tests.support.r2_store import PARENT_SECRET, REGION, key_files, r2_settings
from tests.support.service import run_service, send
from tests.support.stores import BODY, BUCKET

MIB: Final = 1024**2
NUMBERS: Final = count()


@pytest.fixture(scope="module")
def at_r2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtR2]:
    make = tmp_path_factory.mktemp
    with run_at_r2(make("service"), make("store")) as running:
        yield running


@pytest.fixture
def name() -> str:
    return f"r2/a b+ü {next(NUMBERS)}"


def run(at_r2: AtR2, *words: str | Path) -> bytes:
    done = at_r2.command.run(*words)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.parametrize("size", [0, 5, 9 * MIB])
def test_a_file_goes_up_and_comes_down(at_r2: AtR2, tmp_path: Path, name: str, size: int) -> None:
    (file := tmp_path / "file").write_bytes(os.urandom(size))
    parts = ("--part-size", "5MiB", "--parallel", "2")
    run(at_r2, "put", *parts, file, f"objects/{name}")
    assert b", verified" in run(at_r2, "get", *parts, f"objects/{name}", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()


def test_a_folder_is_listed_copied_moved_and_removed(
    at_r2: AtR2, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for each in ("x", "y"):
        (folder / each).write_bytes(BODY)
    run(at_r2, "put", "-r", folder, f"objects/{name}/")
    listed = run(at_r2, "ls", f"objects/{name}/")
    assert [line.split()[-1] for line in listed.decode().splitlines()][:2]
    run(at_r2, "cp", "--overwrite", f"objects/{name}/x", f"objects/{name}/z")
    run(at_r2, "mv", "--overwrite", f"objects/{name}/y", f"objects/{name}/w")
    keys = [each for each in "wxyz" if at_r2.store.content(f"{name}/{each}") == BODY]
    assert keys == ["w", "x", "z"]
    run(at_r2, "get", "-r", f"objects/{name}/", tmp_path / "copy")
    assert sorted(each.name for each in (tmp_path / "copy").iterdir()) == keys
    run(at_r2, "rm", "-r", f"objects/{name}/")
    assert run(at_r2, "ls", f"objects/{name}/") == b""


def test_a_url_and_a_link_are_made(at_r2: AtR2, name: str) -> None:
    at_r2.store.put(name)
    url = run(at_r2, "url", f"objects/{name}").decode().strip()
    assert httpx.get(url, trust_env=False).content == BODY
    made = at_r2.command.run("link", f"objects/{name}")
    assert made.returncode == 0, made.stderr
    link = made.stdout.decode().strip()
    visit = at_r2.service.client.get(link.removeprefix(PUBLIC_URL), headers={"authorization": ""})
    assert httpx.get(visit.headers["location"], trust_env=False).content == BODY
    assert PARENT_SECRET not in url + link + visit.text


def test_each_url_of_a_batch_has_a_token_of_its_own(at_r2: AtR2, name: str) -> None:
    keys = [f"{name}/{number}" for number in range(3)]
    for each in keys:
        at_r2.store.put(each)
    answer = at_r2.service.post("download-urls/batch", keys=keys)
    urls = [each["request"]["url"] for each in answer["results"]]
    assert [httpx.get(url, trust_env=False).content for url in urls] == [BODY] * 3
    tokens = {httpx.URL(url).params["X-Amz-Security-Token"] for url in urls}
    assert len(tokens) == 3


def test_no_token_copies_where_a_caller_may_only_read(at_r2: AtR2) -> None:
    at_r2.store.put("a/x")
    reply = at_r2.service.client.post(
        "/v1/copy-urls",
        json={"bucket": "objects", "key": "b/x", "source": {"key": "a/x"}, "overwrite": True},
        headers={"Authorization": f"Bearer {READS_A}"},
    )
    assert reply.status_code == 422, reply.text
    assert "No session may read this source" in reply.text


def test_another_bucket_is_no_source_of_a_copy(at_r2: AtR2, name: str) -> None:
    copied = {"key": name, "source": {"bucket": "versions", "key": name}, "overwrite": True}
    reply = at_r2.service.client.post("/v1/copy-urls", json={"bucket": "objects", **copied})
    assert reply.status_code == 422, reply.text
    assert "No session may read this source" in reply.text


def test_a_program_gets_credentials_of_equal_grants(at_r2: AtR2) -> None:
    reply = at_r2.service.client.get(
        "/v1/credentials/objects", headers={"Authorization": f"Bearer {PROGRAM}"}
    )
    assert reply.status_code == 200, reply.text
    client = client_of(at_r2.store, reply.json()["Token"])
    for key in ("a/made", "c/made"):
        client.put_object(Bucket=at_r2.store.bucket, Key=key, Body=BODY)
        assert client.get_object(Bucket=at_r2.store.bucket, Key=key)["Body"].read() == BODY
    with pytest.raises(ClientError):
        client.put_object(Bucket=at_r2.store.bucket, Key="b/made", Body=BODY)
    assert PARENT_SECRET not in reply.text


def test_credentials_of_other_operations_need_a_prefix(at_r2: AtR2) -> None:
    get = partial(
        at_r2.service.client.get,
        "/v1/credentials/objects",
        headers={"Authorization": f"Bearer {MIXED}"},
    )
    refused = get()
    assert refused.status_code == 422
    assert "the same operations on all its paths" in refused.text
    token = get(params={"prefix": "a/"}).json()["Token"]
    assert allowed(at_r2.store, token) == ["get a/x", "head a/x", "get a/x.old"]


@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        ("POST", "?delete", {}),
        ("PUT", "/b/x?partNumber=1&uploadId=u", {"x-amz-copy-source": f"/{BUCKET}/b/y"}),
    ],
)
def test_what_no_token_may_call_is_not_signed(
    at_r2: AtR2, method: str, query: str, headers: dict[str, str]
) -> None:
    uri = f"{at_r2.store.endpoint_url}/{at_r2.store.bucket}{query}"
    reply = at_r2.service.client.post(
        "/sign/objects/v1/aws/s3/sign",
        json={
            "method": method,
            "region": REGION,
            "uri": uri,
            "headers": {name: [value] for name, value in headers.items()},
        },
        headers={"Authorization": f"Bearer {MIXED}"},
    )
    assert reply.status_code in {400, 422}, reply.text
    assert "No session of a caller at R2 may call" in reply.text


def test_check_live_asks_the_store_with_a_token(at_r2: AtR2) -> None:
    done = CliRunner().invoke(main, ["check", "--live", str(at_r2.directory / "presign.yaml")])
    assert "buckets.objects: the keys sign tokens of R2" in done.output, done.output
    assert "buckets.objects: a signed request works" in done.output
    assert PARENT_SECRET not in done.output


def test_a_changed_secret_signs_at_once_what_follows(at_r2: AtR2, tmp_path: Path) -> None:
    settings = r2_settings(tmp_path)
    key_files(tmp_path, "0" * 64)
    with run_service(at_r2.store, tmp_path, callers=CALLERS, **settings) as service:
        at_r2.store.put("changed")
        signed = service.sign("download-urls", key="changed")
        assert send(signed).status_code == 403
        key_files(tmp_path)
        # Files are read every two seconds.
        wait_for(lambda: send(service.sign("download-urls", key="changed")).status_code == 200)


def test_a_diagnosis_proves_a_change_by_the_urls_own_secret(at_r2: AtR2, name: str) -> None:
    at_r2.store.put(name)
    at_r2.service.sign("upload-urls", key=name, content_length=1, overwrite=True)
    signed = at_r2.service.sign("download-urls", key=name)
    changed = signed.url.replace("X-Amz-Expires=", "X-Amz-Expires=1")
    reply = at_r2.service.client.post(
        "/v1/diagnoses",
        json={"url": changed, "method": "GET"},
    )
    assert reply.status_code == 200, reply.text
    codes = [each["code"] for each in reply.json()["findings"]]
    assert codes == ["query_changed"]  # which only the secret of its own token proves


def test_no_log_has_the_parents_secret_or_a_token(at_r2: AtR2) -> None:
    at_r2.service.sign("download-urls", key="logged")
    output = at_r2.output() + at_r2.service.client.get("/metrics").text
    assert "logged" in output
    assert PARENT_SECRET not in output
    assert "eyJhbGciOi" not in output
