"""An object to download, and where to."""

from pathlib import Path

import pytest

from tests.client.fake import Fake
from tests.client.transferring import CONTENT, upload


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """A store with one object of five parts, which was uploaded with this client."""
    fake, source = Fake(), tmp_path / "source"
    source.write_bytes(CONTENT)
    upload(fake, source)
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
