from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.diagnosing import Desk, a_desk, grants
from tests.support.app import make_app_settings, make_open_grant, run_app


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(make_app_settings(make_open_grant())) as client:
        yield client


@pytest.fixture(name="desk")
async def _desk() -> AsyncIterator[Desk]:
    async with a_desk(grants("a/")) as desk:
        yield desk
