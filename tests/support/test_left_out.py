"""The last line of a test run names the skipped tests."""

import os
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.left_out import left_out
from tests.support.processes import run_to_end

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = "Skipped: {} is not here: `apt-get install {}` brings it"
NGINX: Final = PROGRAM.format("nginx", "nginx")
JAVA: Final = PROGRAM.format("javac", "default-jdk-headless")


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        ([], None),
        ([NGINX], "left out: 1 test for want of nginx: apt-get install nginx"),
        (
            [NGINX, JAVA, NGINX],
            "left out: 3 tests for want of default-jdk-headless, nginx: apt-get install default-jdk-headless nginx",
        ),
        (["Skipped: no such device"], "left out: 1 test (no such device)"),
        (
            ["Skipped: b", NGINX, "Skipped: a", "Skipped: b"],
            "left out: 1 test for want of nginx: apt-get install nginx; 1 test (a); 2 tests (b)",
        ),
    ],
)
def test_the_line_names_skipped_tests_and_packages(reasons: list[str], line: str | None) -> None:
    assert left_out(reasons) == line


@pytest.mark.slow  # a whole run of pytest
def test_a_run_without_valkey_ends_with_the_line(tmp_path: Path) -> None:
    """With workers, as in `make test`."""
    test = "tests/presigning/rate_limits/test_store.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", test]
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = run_to_end(command, cwd=ROOT, env=environment | {"PATH": str(tmp_path)})
    *_, line, end = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert line.startswith("left out: ")
    assert line.endswith(" tests for want of valkey-server: apt-get install valkey-server")
    assert "skipped" in end
