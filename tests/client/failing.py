"""Failures of the fake, for some of its requests."""

from itertools import count

import httpx

from tests.client.fake import Fake


def fails(times: int, answer: httpx.Response | Exception, fake: Fake, part: str = "") -> None:
    """Let the first `times` requests whose URL has `part` fail."""
    numbers = count()

    def before(request: httpx.Request) -> httpx.Response | None:
        if part not in str(request.url) or next(numbers) >= times:
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    fake.before = before
