"""A histogram of request times, without a lock.

The Prometheus client's own histogram takes a lock and checks its labels for each value. On the hot
path that costs as much as the signature. Here only the event loop counts.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

# Seconds: from a URL signed at once to a caller that waits for its first session.
_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2.5, 5, 10)
_NAMES: Final = [*map(floatToGoString, _BOUNDS), "+Inf"]


class RequestTimes(Collector):
    _labelnames: Final = ("route", "method", "status")  # the client's metrics have this attribute

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], list[int]] = {}
        self._sums: dict[tuple[str, str, int], float] = {}

    def observe(self, labels: tuple[str, str, int], seconds: float) -> None:
        """Count one request. `labels` are the route's path, the method and the status."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * len(_NAMES)
            self._sums[labels] = 0.0
        counts[bisect_left(_BOUNDS, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(
            "presign_http_request_seconds",
            "Time from the head of a request to the end of its answer.",
            labels=self._labelnames,
        )
        for labels, counts in self._counts.items():
            buckets = list(zip(_NAMES, map(float, accumulate(counts)), strict=True))
            family.add_metric([str(each) for each in labels], buckets, self._sums[labels])
        return [family]
