"""A file to upload."""

from pathlib import Path

import pytest

from tests.client.transferring import CONTENT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    return path
