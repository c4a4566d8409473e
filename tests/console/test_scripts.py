"""Runs the scripts' own tests, `*.test.mjs` in this directory, with Node's test runner."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.examples import node

# This Python first: the generated Python code must run with it
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_scripts(path: Path) -> None:
    done = subprocess.run(
        [node(), "--no-warnings", "--test", "--test-reporter=tap", str(path)],
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "# pass 0" not in done.stdout
