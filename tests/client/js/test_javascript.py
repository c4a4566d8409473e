"""The client for JavaScript in Node, against the service and the store of `fake.mjs`."""

from pathlib import Path

import pytest

from tests.support.node_tests import assert_passes

TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_javascript(path: Path) -> None:
    assert_passes(path)
