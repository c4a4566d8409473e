"""Whether the queue of arrivals answers, and how long it keeps trying."""

import pytest

from service.operations.live import run
from service.operations.live.queue import check_queue
from service.protocols.arrivals.queue import QueueUnavailable, retry_seconds, tries_within
from tests.protocols.arrivals.factories import SECRET
from tests.support.app import make_app_settings


class Fake:
    def __init__(
        self,
        most: int | None,
        failure: QueueUnavailable | None = None,
        settling: QueueUnavailable | None = None,
    ) -> None:
        self.most = most
        self.failure = failure
        self.settling = settling

    async def max_receives(self) -> int | None:
        if self.failure is not None:
            raise self.failure
        return self.most

    async def try_to_settle(self) -> None:
        if self.settling is not None:
            raise self.settling


@pytest.mark.parametrize(
    ("most", "kind", "said"),
    [
        (None, "warning", "no dead-letter queue"),
        (3, "warning", "after 3 tries"),
        (11, "warning", "less than an hour"),
        (12, "works", "after 12 tries"),
        (50, "works", "after 50 tries"),
    ],
)
async def test_a_queue_must_try_for_an_hour(most: int | None, kind: str, said: str) -> None:
    [result] = await check_queue(Fake(most))
    assert (result.kind, said in result.message) == (kind, True), result.message
    assert result.path == ("arrivals", "queue_url")


async def test_a_queue_that_cannot_be_read_is_an_error() -> None:
    [result] = await check_queue(Fake(None, QueueUnavailable("ClientError: AccessDenied")))
    assert (result.kind, "AccessDenied" in result.message) == ("error", True)


async def test_messages_that_may_not_be_deleted_are_an_error() -> None:
    refusal = QueueUnavailable("ClientError: AccessDenied")
    [result] = await check_queue(Fake(50, settling=refusal))
    assert (result.kind, "cannot be deleted" in result.message) == ("error", True)
    assert "AccessDenied" in result.message


def test_tries_within_an_hour_take_less_than_an_hour() -> None:
    tries = tries_within(3600)
    assert sum(retry_seconds(each, 1.0, held=0) for each in range(1, tries)) <= 3600
    assert sum(retry_seconds(each, 1.0, held=0) for each in range(1, tries + 1)) > 3600


async def test_the_queue_of_the_configuration_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    hook = {"bucket": "demo", "prefix": "", "url": "https://hooks.example/", "secret": SECRET}
    section = {"hooks": {"billing": hook}}
    gone = {**section, "queue_url": "http://127.0.0.1:1/1/q"}
    [result] = await run._check_queue(make_app_settings(arrivals=gone))
    assert (result.kind, result.path) == ("error", ("arrivals", "queue_url"))
    assert await run._check_queue(make_app_settings(arrivals=section)) == []
