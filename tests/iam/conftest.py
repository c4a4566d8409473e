"""One simulator for all tests, and how much it was asked."""

from collections.abc import Iterator

import pytest

from tests.iam.simulator import Simulator, run_simulator

_SIMULATOR = pytest.StashKey[Simulator]()


@pytest.fixture(scope="session", name="simulator")
def _simulator(pytestconfig: pytest.Config) -> Iterator[Simulator]:
    with run_simulator() as simulator:
        pytestconfig.stash[_SIMULATOR] = simulator
        yield simulator


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    simulator = config.stash.get(_SIMULATOR, None)
    if simulator is not None:
        asked = f"{simulator.decisions:,} decisions of the simulator in {simulator.seconds:.0f} s"
        terminalreporter.write_line(asked)
