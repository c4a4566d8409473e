"""Request times are exported like the Prometheus client's own histogram."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from service.telemetry.metrics import Metrics  # which disables created metrics
from service.telemetry.request_times import _BOUNDS, RequestTimes
from tests.support.examples import examples

LABELS = st.sampled_from([("/a", "POST", 200), ("/a", "POST", 403), ("/b", "GET", 200)])
SECONDS = st.sampled_from([*_BOUNDS, 0.0, 0.0007, 0.3, 11.0, 1e9]) | st.floats(0, 20)


@examples(100)
@given(seen=st.lists(st.tuples(LABELS, SECONDS), max_size=20))
def test_they_are_exported_like_a_histogram(seen: list[tuple[tuple[str, str, int], float]]) -> None:
    Metrics()
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram(
        "presign_http_request_seconds",
        "Time from the head of a request to the end of its answer.",
        ["route", "method", "status"],
        buckets=_BOUNDS,
        registry=theirs,
    )
    times = RequestTimes()
    ours.register(times)
    for labels, seconds in seen:
        histogram.labels(*labels).observe(seconds)
        times.observe(labels, seconds)
    assert generate_latest(ours) == generate_latest(theirs)
