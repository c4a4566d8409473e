"""Share links over each store that verifies signatures, with clients as they are released."""

import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import pytest

from tests.browser.proxy import nginx
from tests.clients.toolchains import tool
from tests.end_to_end.linking import Linking, run_linking
from tests.end_to_end.nginx import proxying
from tests.support.stores import Store

BODY: Final = b"0123456789"
BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
KEYS: Final = ("a.txt", "deep/a b.txt", "caf\u00e9 \U0001f600.txt", "100%25 + & ' # ?.txt")
LARGE: Final = 3 * 1024**2  # more than curl sends without asking first


@pytest.fixture(scope="module", name="links")
def _links(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linking]:
    with run_linking(verifying_store, tmp_path_factory.mktemp("links")) as running:
        yield running


def run(*command: str, directory: Path) -> str:
    done = subprocess.run(
        [tool(command[0], command[0]), *command[1:]],
        cwd=directory,
        env={"PATH": os.defpath, "HOME": str(directory)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("key", KEYS)
def test_a_link_reads_the_object(links: Linking, key: str) -> None:
    links.store.put(f"links/{key}", BODY)
    url = links.address(key=f"links/{key}")
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        assert client.get(url).content == BODY
        assert client.get(url, headers=BROWSER).content == BODY
        head = client.head(url)
        assert (head.status_code, head.headers["content-length"]) == (200, "10")
        part = client.get(url, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")
        fresh = client.get(url, headers={"If-None-Match": head.headers["etag"]})
        assert fresh.status_code == 304


def test_curl_and_wget_read_it(links: Linking, tmp_path: Path) -> None:
    links.store.put("links/q3.txt", BODY)
    url = links.address(key="links/q3.txt", filename="Q3.txt")
    assert run("curl", "-fsSL", url, directory=tmp_path) == BODY.decode()
    assert run("curl", "-fsSL", "-r", "2-4", url, directory=tmp_path) == "234"
    assert "content-length: 10" in run("curl", "-fsSLI", url, directory=tmp_path).lower()
    run("wget", "-q", "--content-disposition", url, directory=tmp_path)
    assert (tmp_path / "Q3.txt").read_bytes() == BODY


def test_curl_resumes_a_counted_download_within_its_window(links: Linking, tmp_path: Path) -> None:
    links.store.put("links/resumed.txt", BODY)
    url = links.address(key="links/resumed.txt", max_uses=1)
    run("curl", "-fsSL", "-r", "0-3", "-o", "part", url, directory=tmp_path)
    run("curl", "-fsSL", "-C", "-", "-o", "part", url, directory=tmp_path)
    assert (tmp_path / "part").read_bytes() == BODY


@pytest.mark.parametrize("key", KEYS)
def test_a_prefix_link_reads_what_is_below(links: Linking, key: str) -> None:
    links.store.put(f"below/{key}", BODY)
    path, _ = links.create(prefix="below/")
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        base = str(links.client.base_url).rstrip("/")
        answer = client.get(f"{base}{path}/{quote(key)}")
        assert (answer.status_code, answer.content) == (200, BODY)
        outside = client.get(f"{base}{path}/..%2Flinks/a.txt")
        assert outside.status_code == 422


@pytest.mark.parametrize("size", [0, 5, LARGE])
@pytest.mark.parametrize("name", ["plain.txt", "two words \u00e9 50%.txt"])
def test_curl_puts_files_into_a_drop_box(
    links: Linking, tmp_path: Path, size: int, name: str
) -> None:
    body = os.urandom(size)
    (tmp_path / name).write_bytes(body)
    prefix = f"in/{size}/{len(name)}/"
    url = links.address(prefix=prefix, operations=["upload"])
    for _ in range(2):  # each is a new object
        run("curl", "-fsSL", "-T", name, f"{url}/", directory=tmp_path)
    admin = links.store.admin_client()
    listed = admin.list_objects_v2(Bucket=links.store.bucket, Prefix=prefix)["Contents"]
    assert [each["Key"].rpartition("/")[2][len("2026-11-29 ") :] for each in listed] == [name, name]
    assert [links.store.content(each["Key"]) for each in listed] == [body, body]
    read = links.client.get(f"{url}/{quote(name)}")
    assert read.status_code == 405  # nobody reads by it what others have sent


def test_a_drop_box_keeps_the_type_and_checks_the_digest(links: Linking, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(BODY)
    url = links.address(prefix="typed/", operations=["upload"])
    digest = b64encode(sha256(BODY).digest()).decode()
    more = ["-H", "Content-Type: text/plain", "-H", f"x-amz-checksum-sha256: {digest}"]
    run("curl", "-fsSL", "-T", "a.txt", *more, f"{url}/", directory=tmp_path)
    admin = links.store.admin_client()
    [stored] = admin.list_objects_v2(Bucket=links.store.bucket, Prefix="typed/")["Contents"]
    assert links.store.head(stored["Key"])["ContentType"] == "text/plain"
    (tmp_path / "a.txt").write_bytes(BODY[::-1])
    with pytest.raises(AssertionError, match="400"):
        run("curl", "-fsSL", "-T", "a.txt", *more, f"{url}/", directory=tmp_path)


def test_a_file_of_any_size_gets_through_the_documented_proxy(
    links: Linking, tmp_path: Path
) -> None:
    replica = str(links.client.base_url).removeprefix("http://").rstrip("/")
    path, _ = links.create(prefix="proxied/", operations=["upload"])
    (tmp_path / "large.bin").write_bytes(os.urandom(LARGE))
    with proxying(nginx(), tmp_path, (replica, replica)) as proxy:
        run("curl", "-fsSL", "-T", "large.bin", f"{proxy}{path}/", directory=tmp_path)
        assert httpx.get(f"{proxy}/links/base.css", trust_env=False).status_code == 200
        assert "Send files" in httpx.get(f"{proxy}{path}", headers=BROWSER, trust_env=False).text
    admin = links.store.admin_client()
    [stored] = admin.list_objects_v2(Bucket=links.store.bucket, Prefix="proxied/")["Contents"]
    assert links.store.content(stored["Key"]) == (tmp_path / "large.bin").read_bytes()


def test_browsers_get_pages_and_programs_the_object(links: Linking) -> None:
    links.store.put("links/counted.txt", BODY)
    counted, _ = links.create(key="links/counted.txt", max_uses=1)
    box, _ = links.create(prefix="box/", operations=["upload"])
    for path in (counted, box, "/l/x"):
        page = links.client.get(path, headers=BROWSER)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["x-robots-tag"] == "noindex"
        assert "no-store" in page.headers["cache-control"]
    assert links.client.get(counted).status_code == 307
    assert links.client.get("/l/x").headers["content-type"] == "application/problem+json"
