"""What the service counts, for Prometheus. Parts report to it through observers of their own.

No label has a value that a caller chooses: routes, buckets, issuers and codes are few and ours.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.telemetry.request_times import RequestTimes

_REFRESH_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_STORE_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300)

SessionsLeft = Callable[[], Iterable[tuple[str, int, float]]]
IsAlive = Callable[[str], bool]


class Metrics:
    """One a process, with a registry of its own."""

    CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        # Else each series has a second, with the time of its first value, that nobody looks at.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the client's own
        self.registry = registry = CollectorRegistry()
        self._requests = RequestTimes()
        registry.register(self._requests)
        self._in_flight = Gauge(
            "presign_http_requests_in_flight",
            "Requests that are not answered yet; the one that asks for this is among them.",
            registry=registry,
        )
        self._under_way = 0
        self._in_flight.set_function(lambda: self._under_way)
        self._signed = Counter(
            "presign_signed_total", "URLs and forms.", ["operation", "bucket"], registry=registry
        )
        self._refused = Counter(
            "presign_refused_total",
            "What was understood and yet not signed, by the problem's code.",
            ["code"],
            registry=registry,
        )
        self._limited = Counter(
            "presign_lifetimes_limited_total",
            "Lifetimes cut short, by what cut them.",
            ["by"],
            registry=registry,
        )
        self._diagnosed = Counter(
            "presign_diagnoses_total",
            "Failed requests that callers asked about, by the first finding, or none.",
            ["finding"],
            registry=registry,
        )
        self._unaudited = Counter(
            "presign_audit_failures_total",
            "Requests refused because the audit trail could not be written.",
            registry=registry,
        )
        self._refreshes = Counter(
            "presign_session_refreshes_total",
            "Calls to STS: ok, failed, throttled or lasting.",
            ["bucket", "outcome"],
            registry=registry,
        )
        self._refresh_seconds = Histogram(
            "presign_session_refresh_seconds",
            "How long STS took, or we waited for it.",
            ["bucket"],
            buckets=_REFRESH_BUCKETS,
            registry=registry,
        )
        self._skew = Gauge(
            "presign_clock_skew_seconds",
            "STS's clock less ours, at the last refresh.",
            registry=registry,
        )
        self._packed = Gauge(
            "presign_packed_policy_percent",
            "Of what STS takes for a session's policy and tags, at the last refresh that said it.",
            ["bucket"],
            registry=registry,
        )
        self._store_calls = Histogram(
            "presign_store_call_seconds",
            "How long a call of the service's own to a store took: ok, refused, unavailable, "
            "overloaded or cancelled.",
            ["bucket", "action", "outcome"],
            buckets=_STORE_BUCKETS,
            registry=registry,
        )
        self._key_fetches = Counter(
            "presign_issuer_key_fetches_total",
            "Fetches of an issuer's keys: ok or failed.",
            ["issuer", "outcome"],
            registry=registry,
        )
        self._reloads = Counter(
            "presign_config_reload_total",
            "Changes of the configuration files: ok or failed.",
            ["outcome"],
            registry=registry,
        )
        self._rate_limit_failures = Counter(
            "presign_rate_limit_store_failures_total",
            "Requests counted in memory because the store of the rate limits failed.",
            registry=registry,
        )
        self._lines_dropped = Counter(
            "presign_log_lines_dropped_total",
            "Log lines that nobody could take.",
            registry=registry,
        )
        # The client checks the labels each time, at ten times the price of counting
        self._signed_of = cache(self._signed.labels)
        # A series that begins with its first event has no increase, and no alert would see that.
        for outcome in ("ok", "failed"):
            self._reloads.labels(outcome)

    def render(self) -> bytes:
        return generate_latest(self.registry)

    def request_began(self) -> None:
        self._under_way += 1

    def request_ended(self, route: str, method: str, status: int, seconds: float) -> None:
        self._under_way -= 1
        self._requests.observe((route, method, status), seconds)

    def signed(self, operation: str, bucket: str, limited_by: str | None, count: int) -> None:
        self._signed_of(operation, bucket).inc(count)
        if limited_by is not None:
            self._limited.labels(limited_by).inc(count)

    def refused(self, code: str, count: int) -> None:
        self._refused.labels(code).inc(count)

    def diagnosed(self, finding: str | None) -> None:
        self._diagnosed.labels(finding or "none").inc()

    def audit_failed(self) -> None:
        self._unaudited.inc()

    def refreshed(self, bucket: str, outcome: str, seconds: float) -> None:
        self._refreshes.labels(bucket, outcome).inc()
        self._refresh_seconds.labels(bucket).observe(seconds)

    def session(self, bucket: str, skew: float, packed_percent: int | None) -> None:
        self._skew.set(skew)
        if packed_percent is not None:
            self._packed.labels(bucket).set(packed_percent)

    def store_called(self, bucket: str, action: str, outcome: str, seconds: float) -> None:
        self._store_calls.labels(bucket, action, outcome).observe(seconds)

    def keys_fetched(self, issuer: str, outcome: str) -> None:
        self._key_fetches.labels(issuer, outcome).inc()

    def reloaded(self, outcome: str) -> None:
        self._reloads.labels(outcome).inc()

    def rate_limit_store_failed(self) -> None:
        self._rate_limit_failures.inc()

    def log_line_dropped(self) -> None:
        self._lines_dropped.inc()

    def watch_sessions(self, sessions: SessionsLeft, is_alive: IsAlive) -> None:
        """`sessions` tells of each bucket how many there are, and the seconds that the least has left.

        `is_alive` tells whether a bucket can sign.
        """
        self.registry.register(_Sessions(sessions, is_alive))


class _Sessions(Collector):
    """Asked when it is scraped, for it changes with every second."""

    def __init__(self, sessions: SessionsLeft, is_alive: IsAlive) -> None:
        self._sessions = sessions
        self._is_alive = is_alive

    def collect(self) -> Iterable[Metric]:
        alive = _of_buckets("presign_bucket_can_sign", "1 if the bucket's own session is good.")
        number = _of_buckets("presign_sessions", "Sessions kept.")
        left = _of_buckets(
            "presign_session_seconds_left",
            "Until the first of a bucket's sessions ends; 0 if one has none.",
        )
        for bucket, count, seconds in self._sessions():
            alive.add_metric([bucket], self._is_alive(bucket))
            number.add_metric([bucket], count)
            left.add_metric([bucket], seconds)
        return alive, number, left


def _of_buckets(name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=["bucket"])
