import pytest

from benchmarks import hub

pytestmark = pytest.mark.slow


def test_the_hub_is_measured_as_its_page_says() -> None:
    found = hub.measure(rounds=1, long=2_000)
    assert found.snapshot_requests == 1
    assert found.long_requests == 2
    assert min(found.file_us, found.file_of_object_url, found.long_ms, found.long_held_ms) > 0
    assert len([*hub.lines(found)]) == 3
