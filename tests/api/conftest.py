from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.app import make_app_settings, make_open_grant, run_app


@pytest.fixture(name="client")
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(make_app_settings(make_open_grant())) as client:
        yield client
