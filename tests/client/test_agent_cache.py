"""When the agent fetches credentials, and which it hands out."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from presign_client import PresignError
from presign_client.agent.cache import PAUSE_SECONDS, CredentialCache
from presign_client.results import Credentials

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SESSION = timedelta(minutes=30)


@dataclass
class Source:
    """Makes credentials that are valid for 30 minutes, at a time of its own."""

    now: datetime = START
    fetched: list[Credentials] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    report: Callable[[Exception], None] | None = None  # in place of `failures`

    def fetch(self) -> Credentials:
        self.before()
        self.fetched.append(
            Credentials(
                access_key_id=f"ASIA{len(self.fetched) + 1}",
                secret_access_key="secret",
                session_token="token",
                expires_at=self.now + SESSION,
            )
        )
        return self.fetched[-1]

    def cache(self, wait: float = 60) -> CredentialCache:
        def seconds() -> float:
            return (self.now - START).total_seconds()

        report = self.report or self.failures.append
        return CredentialCache(self.fetch, report, wait, lambda: self.now, seconds)

    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def refuse(self) -> None:
        def refuse() -> None:
            raise PresignError("unreachable", "presign cannot be reached.")

        self.before = refuse


@pytest.fixture
def source() -> Source:
    return Source()


def test_credentials_that_sdks_keep_are_kept(source: Source) -> None:
    cache = source.cache()

    first = cache.get()
    source.wait(14)

    assert cache.get() is first
    assert len(source.fetched) == 1


def test_sdks_get_new_credentials_with_less_than_16_minutes(source: Source) -> None:
    cache = source.cache()
    first = cache.get()

    source.wait(14.1)

    assert cache.get() is not first


def test_the_old_credentials_are_served_while_presign_is_down(source: Source) -> None:
    cache = source.cache()
    first = cache.get()
    source.refuse()

    source.wait(29)

    assert cache.get() is first
    assert [type(each) for each in source.failures] == [PresignError]


def test_expired_credentials_are_never_served(source: Source) -> None:
    cache = source.cache()
    cache.get()
    source.refuse()

    source.wait(30)

    with pytest.raises(PresignError, match="cannot be reached"):
        cache.get()


def test_a_failure_is_not_repeated_at_once(source: Source) -> None:
    cache = source.cache()
    source.refuse()
    for _ in range(3):
        with pytest.raises(PresignError):
            cache.get()
    assert len(source.failures) == 1

    source.wait(PAUSE_SECONDS / 60)

    with pytest.raises(PresignError):
        cache.get()
    assert len(source.failures) == 2


def test_it_recovers_after_a_failure(source: Source) -> None:
    cache = source.cache()
    source.refuse()
    with pytest.raises(PresignError):
        cache.get()
    source.before = lambda: None

    source.wait(1)

    assert cache.get() is source.fetched[0]


@pytest.mark.parametrize("number", [errno.EIO, errno.EPIPE, errno.ENOSPC])
def test_it_recovers_after_a_failure_that_cannot_be_reported(source: Source, number: int) -> None:
    """Standard error is gone, as with the terminal or the reader of a pipe."""

    def fail(_: Exception) -> None:
        raise OSError(number, "of standard error")

    source.report = fail
    cache = source.cache()
    source.refuse()
    with pytest.raises(PresignError, match="cannot be reached"):
        cache.get()
    source.before = lambda: None

    source.wait(1)

    assert cache.get() is source.fetched[0]


def test_without_a_thread_the_old_credentials_are_served(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    cache = source.cache()
    first = cache.get()
    source.wait(14.1)

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        assert cache.refresh_if_due() is not None  # what calls it goes on
        assert cache.get() is first
    source.wait(1)

    assert cache.get() is source.fetched[1]


def test_a_slow_answer_is_not_waited_for(source: Source) -> None:
    arrived = Event()
    source.before = lambda: arrived.wait(60)
    cache = source.cache(wait=0.01)

    with pytest.raises(PresignError, match="did not answer in time"):
        cache.get()

    arrived.set()


def test_a_slow_attempt_is_waited_for_once(source: Source) -> None:
    cache, arrived = source.cache(wait=600), Event()
    first = cache.get()
    source.wait(14)
    source.before = lambda: arrived.wait(60)
    assert cache.refresh_if_due() is not None

    source.wait(10)  # minutes, which are the 600 s

    assert cache.get() is first
    arrived.set()


def test_all_who_wait_share_one_attempt(source: Source) -> None:
    arrived = Event()
    source.before = lambda: arrived.wait(60)
    cache = source.cache()
    found: list[Credentials] = []
    threads = [Thread(target=lambda: found.append(cache.get())) for _ in range(8)]

    for thread in threads:
        thread.start()
    arrived.set()
    for thread in threads:
        thread.join()

    assert found == source.fetched * 8


def test_credentials_in_use_are_replaced_ahead(source: Source) -> None:
    cache = source.cache()
    cache.get()
    source.wait(12.9)
    assert cache.refresh_if_due() is None

    source.wait(0.2)
    attempt = cache.refresh_if_due()

    assert attempt is not None
    assert attempt.result(60) is cache.get() is source.fetched[1]


def test_credentials_that_no_program_uses_are_not_replaced(source: Source) -> None:
    cache = source.cache()
    assert cache.refresh_if_due() is None
    cache.get()
    source.wait(13.1)
    replaced = cache.refresh_if_due()
    assert replaced is not None
    replaced.result(60)

    source.wait(13.1)

    assert cache.refresh_if_due() is None
