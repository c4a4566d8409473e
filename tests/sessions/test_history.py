"""Sessions that are remembered after their end: for whom, for how long, and how many."""

from typing import Final

from service.sessions.history import MAX_REMEMBERED, REMEMBERED_SECONDS, History
from service.sessions.pool import SessionPool
from service.sessions.pool_entry import BucketSessions, SessionKey
from service.sessions.session import Session
from tests.support.factories import ADDRESS, SECRET, TOKEN, make_credentials
from tests.support.observers import NullObserver
from tests.support.pool import FakeSource
from tests.support.virtual_time import FakeClock, in_virtual_time, loop_clock, server_time

A: Final = (None, "a")
B: Final = (None, "b")
KEY_ID: Final = "ASIAFAKE000000000000"


def make_session(clock: FakeClock, key_id: str = KEY_ID, *, seconds: float = 3600) -> Session:
    now = server_time(clock)
    return Session(
        credentials=make_credentials(key_id),
        name="a",
        starts_at=now,
        expires_at=now + seconds,
        server_time_at_boot=now - clock.boot(),
    )


def test_a_lookup_needs_key_id_bucket_and_owner() -> None:
    clock = FakeClock()
    history, session = History(clock), make_session(clock)
    history.remember("reports", A, session)
    assert history.find(KEY_ID, "reports", A) is session
    assert history.find(KEY_ID, "reports", B) is None
    assert history.find(KEY_ID, "reports", None) is None
    assert history.find(KEY_ID, "photos", A) is None
    assert history.find("ASIAOTHER", "reports", A) is None


def test_sessions_are_remembered_for_a_day_after_their_end() -> None:
    clock = FakeClock()
    history, session = History(clock), make_session(clock)
    history.remember("reports", A, session)
    clock.move(3600 + REMEMBERED_SECONDS)
    assert history.find(KEY_ID, "reports", A) is session
    clock.move(1)
    assert history.find(KEY_ID, "reports", A) is None
    assert REMEMBERED_SECONDS == 24 * 3600


def test_the_oldest_session_is_dropped_first() -> None:
    clock = FakeClock()
    history = History(clock, most=2)
    for name in ("1", "2", "1", "3"):
        history.remember("reports", A, make_session(clock, name))
    assert history.find("2", "reports", A) is None
    assert history.find("1", "reports", A)
    assert history.find("3", "reports", A)
    assert MAX_REMEMBERED == 8192


def test_repr_shows_no_secret() -> None:
    clock = FakeClock()
    history = History(clock)
    history.remember("reports", A, make_session(clock))
    for shown in (repr(history), str(history), repr(history._sessions)):
        assert SECRET not in shown
        assert TOKEN not in shown


@in_virtual_time
async def test_the_pool_remembers_each_session_of_each_caller() -> None:
    clock = loop_clock()
    source, history = FakeSource(clock, length=3600), History(clock)
    bucket = BucketSessions(source=source, address=ADDRESS, longest_lifetime=900)
    pool = SessionPool(
        {"reports": bucket},
        clock=clock,
        jitter=lambda: 0,
        observer=NullObserver(),
        history=history,
    )
    key = SessionKey("reports", A, None)
    await pool.ready(key)
    old = source.sessions[-1]
    clock.move(3000)
    await pool.ready(key._replace(owner=B))
    for session, owner in ((old, A), (source.sessions[-1], B)):
        found = history.find(session.credentials.access_key_id, "reports", owner)
        assert found is session
    assert history.find(old.credentials.access_key_id, "reports", B) is None
    await pool.stop()
    assert history.find(old.credentials.access_key_id, "reports", A) is None


class CountingClock(FakeClock):
    """Counts how often it is read."""

    asked = 0

    def boot(self) -> float:
        self.asked += 1
        return super().boot()


def test_the_cost_does_not_grow_with_the_history() -> None:
    clock = CountingClock()
    history = History(clock)
    costs = []
    for number in range(MAX_REMEMBERED + 100):
        session = make_session(clock, f"ASIA{number}")
        before = clock.asked
        history.remember("reports", A, session)
        costs.append(clock.asked - before)
    assert max(costs) == costs[0] <= 3


def test_a_new_session_drops_expired_ones_and_never_static_keys() -> None:
    clock = FakeClock()
    history = History(clock, seconds=10)
    static = Session(credentials=make_credentials(), name="a", starts_at=0)
    history.remember("reports", None, static)
    history.remember("reports", A, make_session(clock, "long", seconds=1000))
    for number in range(5):
        history.remember("reports", A, make_session(clock, f"short-{number}", seconds=20))
    clock.move(31)
    history.remember("reports", A, make_session(clock, "new"))
    assert [key[0] for key in history._sessions] == [KEY_ID, "long", "new"]
    assert len(history._ends) == 3
    clock.move(10 * REMEMBERED_SECONDS)
    assert history.find(KEY_ID, "reports", None) is static


def test_a_repeated_session_is_remembered_once() -> None:
    clock = FakeClock()
    history = History(clock, seconds=10)
    history.remember("reports", A, make_session(clock, seconds=20))
    clock.move(15)
    session = make_session(clock, seconds=20)
    history.remember("reports", A, session)
    clock.move(16)
    history.remember("reports", B, make_session(clock, "other"))
    assert history.find(KEY_ID, "reports", A) is session
    assert len(history._ends) == len(history._sessions) == 2
