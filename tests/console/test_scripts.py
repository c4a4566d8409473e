"""Runs the scripts' own tests, `*.test.mjs` in this directory."""

from pathlib import Path

import pytest

from tests.support.node_tests import assert_passes

TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_scripts(path: Path) -> None:
    assert_passes(path)
