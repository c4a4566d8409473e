"""An object of five parts, and where it is downloaded to."""

from pathlib import Path

import pytest

from tests.client.downloads.downloading import CONTENT
from tests.client.fake import Fake


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """A store with one object of five parts, which was uploaded with this client."""
    fake, source = Fake(), tmp_path / "source"
    source.write_bytes(CONTENT)
    with fake.client() as client:
        client.upload(source, "reports", "a.csv", part_size=5)
    source.unlink()
    fake.requests.clear()
    return fake


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture(params=["file", "stream"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
