"""Runs tests of JavaScript, `*.test.mjs`, with Node's test runner."""

import os
import sys
from pathlib import Path

from tests.end_to_end.examples import node
from tests.support.processes import run_to_end

# This Python first: generated Python code must run with it
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])


def assert_passes(path: Path) -> None:
    command = [node(), "--no-warnings", "--test", "--test-reporter=tap", str(path)]
    done = run_to_end(command, env={"PATH": PATH})
    assert done.returncode == 0, done.stdout
    assert "# pass 0" not in done.stdout
