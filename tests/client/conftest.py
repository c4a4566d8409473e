"""The fake, and a directory of the test for the notes of resumption."""

from pathlib import Path

import pytest

from tests.client.fake import Fake


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "presign"


@pytest.fixture
def fake() -> Fake:
    return Fake()
