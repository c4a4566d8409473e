from hypothesis import given
from hypothesis import strategies as st

from service.sessions.url_windows import MAX_KEPT, Window, WindowSigners
from tests.support.fakes import WALL

DAY = 86_400


@given(now=st.floats(0, 4e9), seconds=st.integers(1, DAY))
def test_each_moment_is_in_exactly_one_window(now: float, seconds: int) -> None:
    window = Window.at(now, seconds)
    assert window.begins_at <= now < window.ends_at
    assert window.begins_at % seconds == 0
    assert window.ends_at - window.begins_at == seconds
    assert Window.at(window.begins_at, seconds) == window


def test_a_window_of_a_day_starts_at_midnight_utc() -> None:
    assert Window.at(WALL + DAY - 0.001, DAY).begins_at == WALL
    assert Window.at(WALL + DAY, DAY).begins_at == WALL + DAY


def test_the_first_session_signs_until_the_window_ends() -> None:
    kept, window = WindowSigners[str](), Window(600, 60)
    kept.bind(window, "wish", "first")
    kept.bind(window, "wish", "second")
    assert kept.find(window, "wish") == "first"
    assert kept.find(window, "another wish") is None
    assert kept.find(Window(660, 60), "wish") is None
    assert kept.find(Window(600, 120), "wish") is None


def test_only_past_windows_are_forgotten() -> None:
    kept, hour = WindowSigners[str](), Window(0, 3600)
    kept.bind(hour, "wish", "the hour's")
    for begin in range(0, 3600, 60):
        kept.bind(Window(begin, 60), "wish", "the minute's")
    assert kept.find(hour, "wish") == "the hour's"
    assert kept.find(Window(3480, 60), "wish") is not None
    assert kept.find(Window(3360, 60), "wish") is None
    assert kept.ends_at == 3600


def test_the_number_of_windows_is_bounded() -> None:
    kept, window = WindowSigners[int](), Window(0, DAY)
    for wish in range(MAX_KEPT + 10):
        kept.bind(window, wish, wish)
    found = [wish for wish in range(MAX_KEPT + 10) if kept.find(window, wish) is not None]
    assert found == list(range(10, MAX_KEPT + 10))


def test_clear_forgets_all_windows() -> None:
    kept = WindowSigners[str]()
    assert kept.ends_at == 0
    kept.bind(Window(600, 60), "wish", "first")
    kept.clear()
    assert kept.find(Window(600, 60), "wish") is None
    assert kept.ends_at == 0
