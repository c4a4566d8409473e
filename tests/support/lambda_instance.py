"""The app behind events, in this process, with a fake source of sessions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from service.app.environment import Environment
from service.app.factory import create_app
from service.app.settings import Settings
from service.aws_lambda.clock import FreezeAwareClock
from service.aws_lambda.instance import Instance
from service.clock import Clock, SystemClock
from service.signing.signer import Address
from tests.support.app import ADDRESS, API_KEY, closed_store, make_fixed_sources
from tests.support.lambda_events import Kind, event_of, response_of


@dataclass(frozen=True)
class InstanceHarness:
    instance: Instance
    audit: list[bytes] = field(default_factory=list)

    def send(
        self,
        kind: Kind,
        method: str,
        url: str,
        body: bytes = b"",
        headers: list[tuple[str, str]] | None = None,
    ) -> httpx.Response:
        """Send a request as an event; the caller's key is its only header unless some are given."""
        if headers is None:
            headers = [("authorization", f"Bearer {API_KEY}")]
        return self.invoke(event_of(kind, method, url, headers, body))

    def invoke(self, event: object, **more: Any) -> httpx.Response:
        return response_of(self.instance.invoke(event, "invocation-1", **more))


@contextmanager
def run_instance(
    settings: Settings,
    clock: Clock | None = None,
    base_path: str = "",
    settle_seconds: float = 2.0,
    addresses: Mapping[str, Address] | None = None,
    **more: Any,
) -> Iterator[InstanceHarness]:
    """Run an instance until the block ends. `more` is the rest of its `Environment`."""
    audit, thawing = list[bytes](), FreezeAwareClock(clock or SystemClock())
    arguments = {
        "open_sources": make_fixed_sources(),
        "store_transport": httpx.MockTransport(closed_store),
        "write_audit": audit.extend,
        **more,
    }
    found = addresses or dict.fromkeys(settings.buckets, ADDRESS)  # botocore would take 0.1 s
    app = create_app(settings, found, Environment(clock=thawing, **arguments))
    instance = Instance(
        app,
        thawing,
        base_path=base_path,
        settle_seconds=settle_seconds,
    )
    instance.start()
    try:
        yield InstanceHarness(instance, audit)
    finally:
        instance.close()
