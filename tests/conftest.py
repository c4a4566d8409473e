"""What no test may take from whoever runs it."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Each property is tried with the same examples in every run, however slow the machine: by itself hypothesis
# draws others each time, and fails an example that takes 200 ms, or examples that are slow to be drawn.
settings.register_profile(
    "presign", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("presign")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """A shell has what it runs in the background ignore SIGINT, and so would each child of ours."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
