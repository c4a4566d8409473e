"""The clock counts a freeze whether or not the machine's boot clock does."""

import pytest

from service.aws_lambda.clock import TOLERANCE, FreezeAwareClock


class TwoClocks:
    def __init__(self) -> None:
        self.walls, self.boots = 1_000_000.0, 100.0

    def wall(self) -> float:
        return self.walls

    def boot(self) -> float:
        return self.boots

    def move(self, *, wall: float, boot: float) -> None:
        self.walls += wall
        self.boots += boot


@pytest.mark.parametrize(
    ("wall", "boot", "counted"),
    [
        (3600, 3600, 3600),  # the process was only paused
        (3600, 0, 3600),  # restored from a snapshot
        (3600, 1200, 3600),
        (-3600, 5, 5),  # the wall clock was set back
        (6, 5, 5),  # corrected by a second
    ],
)
def test_a_freeze_is_counted_once(wall: float, boot: float, counted: float) -> None:
    machine = TwoClocks()
    clock = FreezeAwareClock(machine)
    before = clock.boot()
    machine.move(wall=wall, boot=boot)
    clock.thaw()
    clock.thaw()
    assert clock.boot() - before == counted


def test_short_freezes_add_up() -> None:
    machine = TwoClocks()
    clock = FreezeAwareClock(machine)
    before = clock.boot()
    for _ in range(1000):
        machine.move(wall=1.9, boot=0.1)
        clock.thaw()
    assert clock.boot() - before == pytest.approx(1900, abs=TOLERANCE)


def test_small_corrections_in_both_directions_do_not_add_up() -> None:
    machine = TwoClocks()
    clock = FreezeAwareClock(machine)
    for _ in range(100):
        machine.move(wall=11, boot=10)
        clock.thaw()
        machine.move(wall=9, boot=10)
        clock.thaw()
    assert clock.boot() == machine.boot()
