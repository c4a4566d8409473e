"""Settings for all tests: nothing depends on the developer's environment."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.left_out import left_out

# Hypothesis tries the same examples in every run, however slow the machine: by default it draws
# others each time, and fails an example that takes 200 ms, or examples that are slow to draw.
settings.register_profile(
    "presign", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# For `make test-slow`: all examples of each property.
settings.register_profile("thorough", settings.get_profile("presign"))
# For another Python: what it breaks, it breaks for most examples.
settings.register_profile("glance", settings.get_profile("presign"), max_examples=20)
# For mutants: the first failure is enough, and to shrink it would take most of the time.
settings.register_profile(
    "mutants",
    settings.get_profile("presign"),
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile("presign")


@pytest.hookimpl(trylast=True)  # after Hypothesis has marked its tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For mutants, run last the tests that try many examples: most mutants fail a quick one."""
    if settings.get_current_profile_name() == "mutants":
        items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Report last which tests were skipped: nothing else in the output shows that they are
    missing.
    """
    yield
    skipped = [report.longrepr for report in terminalreporter.getreports("skipped")]
    line = left_out(reason[2] for reason in skipped if isinstance(reason, tuple))
    if line is not None:
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session", autouse=True)
def bare_environment() -> Iterator[None]:
    """Remove profiles, endpoints, proxies and settings from the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if (
                name.startswith(("AWS_", "OTEL_"))
                or name.lower().endswith("_proxy")
                or is_a_setting(name)
            ):
                patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


def is_a_setting(name: str) -> bool:
    """Whether it is a setting of the service, not of compose."""
    return name.startswith("PRESIGN_") and not name.startswith("PRESIGN_PORT")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Restore SIGINT, which a shell ignores in background processes and their children."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
