"""How many requests run at the same time, by what they move. The clock is virtual."""

from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from threading import Barrier, Lock
from time import sleep

import httpx
import pytest

from presign_client.transfers.pace import PAUSE_SECONDS, START, Pace
from tests.client.failing import fails
from tests.client.fake import Fake, s3_error
from tests.client.transferring import upload


def moved(pace: Pace, *rates: float, began: float = 0.0) -> list[int]:
    """Move so much in each second, and return the width after it."""
    widths = []
    for second, rate in enumerate(rates, 1):
        pace.moved(int(rate), began + second)
        widths.append(pace.width)
    return widths


def test_the_width_grows_while_the_rate_grows() -> None:
    assert moved(Pace(64, 0.0), 100, 150, 225, 340) == [16, 32, 64, 64]


def test_a_rate_that_stays_takes_the_last_step_back() -> None:
    assert moved(Pace(16, 0.0), 100, 105, 200, 300) == [16, START, START, START]


def test_more_are_tried_again_after_a_pause() -> None:
    pace = Pace(16, 0.0)
    moved(pace, 100, 100)

    widths = moved(pace, *[100] * (int(PAUSE_SECONDS) + 1), began=2.0)

    assert widths[-3:] == [START, 16, START]


def test_the_limit_is_never_passed() -> None:
    assert Pace(1, 0.0).width == 1
    assert moved(Pace(5, 0.0), 100, 200, 400) == [5, 5, 5]


def test_a_store_that_asks_for_fewer_gets_half() -> None:
    pace = Pace(16, 0.0)
    widths = []
    for _ in range(4):
        pace.slow_down(0.0)
        widths.append(pace.width)

    assert widths == [4, 2, 1, 1]
    assert moved(pace, 100, 200) == [1, 1]  # seconds of the pause
    assert moved(pace, 100, 2000, began=PAUSE_SECONDS) == [2, 4]


def test_nothing_is_decided_within_a_fifth_of_a_second() -> None:
    pace = Pace(16, 0.0)
    for moment in range(20):
        pace.moved(10**9, moment / 100)

    assert pace.width == START


class AtOnce:
    """How many requests the store has at the same time: a number for each request."""

    def __init__(self, fake: Fake, wait: Callable[[], object]) -> None:
        self.seen: list[int] = []
        lock, whole, running = Lock(), fake.answer, Counter[str]()

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.host != "store.test":
                return whole(request)
            with lock:
                running["now"] += 1
                self.seen.append(running["now"])
            wait()
            answered = whole(request)
            with lock:
                running["now"] -= 1
            return answered

        fake.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize(("parallel", "most"), [(16, START), (2, 2), (1, 1)])
def test_a_transfer_begins_with_eight_requests_or_fewer(
    fake: Fake, tmp_path: Path, parallel: int, most: int
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(bytes(40))
    at_once = AtOnce(fake, Barrier(most, timeout=60).wait)

    upload(fake, file, parallel=parallel)

    assert max(at_once.seen) == most


def test_a_stream_has_four_parts_in_memory_to_send(fake: Fake) -> None:
    at_once = AtOnce(fake, lambda: sleep(0.05))

    upload(fake, BytesIO(bytes(40)), parallel=16)

    assert max(at_once.seen) <= 4


def test_a_store_that_says_slow_down_gets_fewer_requests(fake: Fake, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(bytes(200))
    fails(1, s3_error(503, "SlowDown"), fake, "store.test")
    at_once = AtOnce(fake, lambda: sleep(0.01))

    upload(fake, file, parallel=16)

    assert fake.objects == {"a.csv": bytes(200)}
    assert max(at_once.seen[2 * START :]) <= START // 2
