"""Whether the queue of arrivals answers, and how long it keeps trying."""

import pytest

from service.operations.live import run
from service.operations.live.queue import check_queue
from service.protocols.arrivals.queue import (
    QueueState,
    QueueUnavailable,
    retry_seconds,
    tries_within,
)
from tests.protocols.arrivals.factories import SECRET
from tests.support.app import make_app_settings


class Fake:
    def __init__(
        self,
        most: int | None,
        failure: QueueUnavailable | None = None,
        settling: QueueUnavailable | None = None,
        *,
        days: int = 14,
        in_flight: int = 0,
    ) -> None:
        self.found = QueueState(
            max_receives=most, retention_seconds=days * 86_400, in_flight=in_flight
        )
        self.failure = failure
        self.settling = settling

    async def state(self) -> QueueState:
        if self.failure is not None:
            raise self.failure
        return self.found

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
        (25, "works", "after 25 tries"),
    ],
)
async def test_a_queue_must_try_for_an_hour(most: int | None, kind: str, said: str) -> None:
    [result] = await check_queue(Fake(most))
    assert (result.kind, said in result.message) == (kind, True), result.message
    assert result.path == ("arrivals", "queue_url")


@pytest.mark.parametrize(
    ("most", "days", "kind"), [(50, 14, "warning"), (25, 14, "works"), (25, 4, "warning")]
)
async def test_tries_may_take_half_of_the_retention(most: int, days: int, kind: str) -> None:
    [result] = await check_queue(Fake(most, days=days))
    assert (result.kind, "half of Message" in result.message) == (kind, kind == "warning")


@pytest.mark.parametrize(("in_flight", "warnings"), [(60_000, 0), (60_001, 1)])
async def test_a_queue_near_its_limit_in_flight_is_a_warning(in_flight: int, warnings: int) -> None:
    _, *rest = await check_queue(Fake(25, in_flight=in_flight))
    assert [each.kind for each in rest] == ["warning"] * warnings
    assert all("60001 messages wait" in each.message for each in rest)


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
