"""Runs the scripts' own tests, `*.test.mjs` in this directory, with Node's test runner."""

import os
import sys
from pathlib import Path

import pytest

from tests.end_to_end.examples import node
from tests.support.processes import run_to_end

# This Python first: the generated Python code must run with it
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_scripts(path: Path) -> None:
    command = [node(), "--no-warnings", "--test", "--test-reporter=tap", str(path)]
    done = run_to_end(command, env={"PATH": PATH})
    assert done.returncode == 0, done.stdout
    assert "# pass 0" not in done.stdout
