"""The store that replicas share to count rates."""

from service.app.settings import Settings
from service.clock import Clock
from service.presigning.rate_limits import STORE_SECONDS, RateLimits
from service.telemetry.metrics import Metrics


def rate_limits(settings: Settings, clock: Clock, metrics: Metrics) -> RateLimits:
    url, store = settings.server.rate_limit_url, None
    if url is not None:
        # Redis is imported where it is needed: that is a twentieth of the start's time and memory,
        # and few need it.
        from service.presigning.rate_store import RedisWindows  # noqa: PLC0415

        store = RedisWindows(url.get_secret_value(), seconds=4 * STORE_SECONDS)
    return RateLimits(store, clock=clock, on_failure=metrics.rate_limit_store_failed)
