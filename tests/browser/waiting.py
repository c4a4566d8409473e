"""Waiting for what Playwright tells, which calls its handlers only while it waits itself."""

import time
from collections.abc import Callable

from playwright.sync_api import Page

from tests.support.socket_server import PATIENCE


def until(condition: Callable[[], object], page: Page) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        page.wait_for_timeout(50)
