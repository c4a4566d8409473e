"""docs/calls.md: its programs in JavaScript and Go, against the demo."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.clients.toolchains import tool
from tests.docs.documents import ADDRESSES, Block, blocks
from tests.end_to_end.examples import node
from tests.support.demo import ROOT, Demo, demo

PAGE: Final = "docs/calls.md"
SECONDS: Final = 300  # the first Go build compiles the standard library too


def programs(language: str) -> list[Block]:
    return [each for each in blocks(PAGE) if each.language == language]


@pytest.fixture(scope="module", name="running")
def _running() -> Iterator[Demo]:
    with demo() as started:
        yield started


def run(command: list[str], directory: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory), **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def written(block: Block, running: Demo, path: Path) -> Path:
    path.write_text(block.text.replace(ADDRESSES[0], running.url), encoding="utf-8")
    return path


def sizes(running: Demo, key: str) -> list[int]:
    """Return the size of each object whose key begins with it."""
    headers = {"authorization": "Bearer demo"}
    query = {"bucket": "demo", "prefix": key}
    listed = httpx.get(
        f"{running.url}/v1/objects", headers=headers, params=query, timeout=60
    ).json()
    return [each["size"] for each in listed["objects"]]


def test_the_programs_in_javascript_work(running: Demo, tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/presign-client").symlink_to(ROOT / "client/js")
    download, upload = (
        written(each, running, tmp_path / f"{number}.mjs")
        for number, each in enumerate(programs("js"))
    )
    printed = run([node(), "--no-warnings", str(download)], tmp_path)
    assert "reports/2026/summary.pdf?X-Amz-Algorithm=" in printed
    run([node(), "--no-warnings", str(upload)], tmp_path)
    assert sizes(running, "hello-javascript.txt") == [5]


def test_the_programs_in_go_work(running: Demo, tmp_path: Path) -> None:
    compiler = tool("go", "golang-go")
    download, upload = (
        written(each, running, tmp_path / f"{number}.go")
        for number, each in enumerate(programs("go"))
    )
    printed = run([compiler, "run", str(download)], tmp_path)
    assert "reports/2026/summary.pdf?X-Amz-Algorithm=" in printed
    run([compiler, "run", str(upload)], tmp_path)
    assert sizes(running, "hello-go.txt") == [5]
