"""The lines that the demo prints, and those of its page, are pasted into a shell."""

import os
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from service.config.key_files import KEY_BYTES, new_key
from service.demo.serve import demo_settings
from service.errors import ConfigurationError
from tests.clients.toolchains import tool
from tests.support.demo import Demo, demo, paste
from tests.support.processes import run_to_end

GIT_LFS: Final = "Git LFS"
# What each line prints, and what the bucket then has below a prefix.
PRINTED: Final = {
    "Package index": ("Hello from a package that pip found in the demo.", "pypi/hello-presign/"),
    GIT_LFS: ("", "lfs/"),
    "MLflow": ('"path":"hello.txt"', "mlflow/run/"),
    "huggingface_hub": ("hello", "models/acme/tiny/main/"),
    "Build cache": ("hello", "cache/nx/"),
    "Uppy": ('"method":"POST"', None),
    "Remote signing": ("5d41402abc4b2a76b9719d911017c592", None),  # the MD5 of `hello`
    "AWS credentials": ("5d41402abc4b2a76b9719d911017c592", None),
    "MCP": ('"isError":false', None),
    "Signed webhooks": ("", None),
}


# As developers' shells have them. The demo uses none.
OTHERS: Final = {
    "AWS_PROFILE": "work",
    "AWS_SESSION_TOKEN": "canary",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    with demo("--origin", "https://app.example.com", **OTHERS) as started:
        yield started


def test_the_demo_works_beside_a_shells_own_credentials(running: Demo) -> None:
    url = f"{running.url}/o/demo/own.txt"
    headers = {"Authorization": "Bearer demo"}
    sent = httpx.put(url, content=b"own", headers=headers, follow_redirects=True)
    assert sent.is_success, sent.text


def test_every_line_of_the_page_works_as_pasted(running: Demo, tmp_path: Path) -> None:
    assert f"{running.url}/demo has a line for" in running.printed
    lines = lines_of(running)
    assert [*lines] == [*PRINTED]
    for name in PRINTED.keys() - {GIT_LFS}:
        check_line(running, name, tmp_path)


def test_so_does_the_line_for_git_lfs(running: Demo, tmp_path: Path) -> None:
    tool("git-lfs", "git-lfs")
    check_line(running, GIT_LFS, tmp_path)


def test_the_demos_hook_gets_a_signed_word_of_each_object(running: Demo) -> None:
    headers, url = {"Authorization": "Bearer demo"}, f"{running.url}/o/demo/told.txt"
    for call in ({"method": "PUT", "content": b"hello"}, {"method": "DELETE"}):
        sent = httpx.request(**call, url=url, headers=headers, follow_redirects=True)
        assert sent.is_success, sent.text
    running.wait_for('hook arrived "demo/told.txt", 5 bytes\n')
    running.wait_for('hook removed "demo/told.txt"\n')
    assert "whsec_" not in running.printed
    assert "X-Amz-Signature" not in running.printed


def lines_of(running: Demo) -> dict[str, str]:
    """Return each line of the page by its heading."""
    page = httpx.get(f"{running.url}/demo").raise_for_status().text
    found = re.findall("<h2>([^<]+)</h2>\n<pre><code>([^<]+)</code></pre>", page)
    return {name: unescape(line) for name, line in found}


def check_line(running: Demo, name: str, directory: Path) -> None:
    expected, prefix = PRINTED[name]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(directory)}
    assert expected in paste(lines_of(running)[name], directory, environment), name
    assert prefix is None or objects_below(running, prefix), name


def test_the_demos_lines_end_with_a_refusal_that_is_explained(
    running: Demo, tmp_path: Path
) -> None:
    lines = running.printed[running.printed.index("printf") :].splitlines()[:5]
    stored, read, shared, broken, explained = lines
    paste(f"curl -fsSL -u x:demo -X DELETE {running.url}/o/demo/hello.txt", tmp_path)  # others' own
    assert paste(f"{stored}\n{read}\n{shared}", tmp_path).startswith(f"hello{running.url}/l/")
    again = run_to_end(["bash", "-c", stored], cwd=tmp_path)
    assert (again.returncode, "error: 412" in again.stderr) == (22, True)
    done = run_to_end(["bash", "-c", f"{shared}\n{broken}\n{explained}"], cwd=tmp_path)
    assert "The requested URL returned error: 403" in done.stderr
    assert "1. content_length_changed (certain)" in done.stdout


def objects_below(running: Demo, prefix: str) -> Any:
    """The first object or folder, if there is one."""
    asked = {"bucket": "demo", "prefix": prefix}
    headers = {"Authorization": "Bearer demo"}
    listed = httpx.get(f"{running.url}/v1/objects", params=asked, headers=headers).json()
    return listed["objects"] + listed["prefixes"]


def test_pages_of_an_origin_may_call_the_demo(running: Demo) -> None:
    answer = httpx.get(f"{running.url}/healthz", headers={"Origin": "https://app.example.com"})
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"


def test_a_wrong_origin_is_one_line(tmp_path: Path) -> None:
    key = tmp_path / "link.key"
    key.write_text(new_key(b"k" * KEY_BYTES))
    with pytest.raises(ConfigurationError) as refused:
        demo_settings("http://a:1", "http://a:2", key, origins=["app.example.com"])
    [line] = map(str, refused.value.problems)
    assert line.startswith("presign demo: server.cors_origins.0: write an origin such as https://")
