"""Services whose configuration files are watched."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.reload.harness import WatchedService, put, team, watching, with_callers_dir
from tests.app.services.harness import configuration


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "presign.yaml"
    put(path, configuration())
    return path


@pytest.fixture(name="service")
async def _service(path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[WatchedService]:
    caplog.set_level(logging.INFO, "service.app.reload")
    async with watching(path) as service:
        yield service


@pytest.fixture(name="teams")
async def _teams(path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[WatchedService]:
    caplog.set_level(logging.INFO, "service.app.reload")
    put(path, with_callers_dir())
    put(path.parent / "callers.d" / "sales.yaml", team("sales"))
    async with watching(path) as service:
        yield service
