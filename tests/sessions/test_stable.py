from hypothesis import given
from hypothesis import strategies as st

from service.sessions.url_windows import MAX_KEPT, StableSigners, Window
from tests.support.virtual_time import CLOCK_START

DAY = 86_400


@given(now=st.floats(0, 4e9), seconds=st.integers(1, DAY))
def test_each_moment_is_in_exactly_one_window(now: float, seconds: int) -> None:
    window = Window.at(now, seconds)
    assert window.begins_at <= now < window.ends_at
    assert window.begins_at % seconds == 0
    assert window.ends_at - window.begins_at == seconds
    assert Window.at(window.begins_at, seconds) == window


def test_a_window_of_a_day_starts_at_midnight_utc() -> None:
    assert Window.at(CLOCK_START + DAY - 0.001, DAY).begins_at == CLOCK_START
    assert Window.at(CLOCK_START + DAY, DAY).begins_at == CLOCK_START + DAY


def test_the_first_session_signs_until_the_window_ends() -> None:
    windows, window = StableSigners[str](), Window(600, 60)
    windows.bind(window, "shape", "first")
    windows.bind(window, "shape", "second")
    assert windows.find(window, "shape") == "first"
    assert windows.find(window, "another shape") is None
    assert windows.find(Window(660, 60), "shape") is None
    assert windows.find(Window(600, 120), "shape") is None


def test_only_past_windows_are_forgotten() -> None:
    windows, hour = StableSigners[str](), Window(0, 3600)
    windows.bind(hour, "shape", "the hour's")
    for begin in range(0, 3600, 60):
        windows.bind(Window(begin, 60), "shape", "the minute's")
    assert windows.find(hour, "shape") == "the hour's"
    assert windows.find(Window(3480, 60), "shape") is not None
    assert windows.find(Window(3360, 60), "shape") is None
    assert windows.ends_at == 3600


def test_the_number_of_windows_is_bounded() -> None:
    windows, window = StableSigners[int](), Window(0, DAY)
    for shape in range(MAX_KEPT + 10):
        windows.bind(window, shape, shape)
    found = [shape for shape in range(MAX_KEPT + 10) if windows.find(window, shape) is not None]
    assert found == list(range(10, MAX_KEPT + 10))


def test_clear_forgets_all_windows() -> None:
    windows = StableSigners[str]()
    assert windows.ends_at == 0
    windows.bind(Window(600, 60), "shape", "first")
    windows.clear()
    assert windows.find(Window(600, 60), "shape") is None
    assert windows.ends_at == 0
