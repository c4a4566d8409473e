"""The fake, `presign://` in front of it, and a directory of the test for the notes of resumption."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from presign_client.filesystem import PresignFileSystem
from tests.client.fake import TOKEN, Fake


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "presign"


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def files(fake: Fake) -> Iterator[PresignFileSystem]:
    files = PresignFileSystem("https://presign.test", TOKEN, skip_instance_cache=True)
    files.presign.close()
    files.presign = fake.client()
    yield files
    files.presign.close()
