"""What is opened is closed: after a failed start, a failed change, and when a bucket or region is gone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aioboto3
import certifi
import pytest
from botocore.client import ClientCreator

from service.app.services import Services, aws_sources
from service.clock import SystemClock
from service.config.settings import Settings
from service.sessions.pool import SessionPool
from service.sessions.sts import AssumedRole, Role
from service.sessions.sts_clients import StsClients
from service.telemetry.metrics import Metrics
from tests.app.services.house import (
    BUCKET,
    called_here,
    caller,
    grant,
    settings,
    tasks,
)
from tests.support.factories import ADDRESS

CALLERS = [caller("billing", grant())]


@pytest.fixture(name="running")
async def _running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    """With true clients of STS, at a port where nobody listens."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    clock = SystemClock()
    async with aws_sources(clock) as make:
        made = Services(
            clock=clock, make_source=make, write_audit=lambda _: None, metrics=Metrics()
        )
        yield made


def near(**more: Any) -> dict[str, Any]:
    return {**BUCKET, "sts_endpoint_url": "http://127.0.0.1:9", **more}


def clients_of(running: Services) -> StsClients:
    assert running._made is not None
    source = running._made.sources()[0]
    assert isinstance(source, AssumedRole)
    clients: StsClients = source._client._clients
    return clients


def regions(clients: StsClients) -> list[str]:
    return sorted(place.region for place in clients._made)


async def test_the_client_of_a_region_that_is_gone_is_closed(running: Services) -> None:
    both = {"reports": near(), "far": near(region="us-east-1")}
    await running.start(settings(buckets=both, callers=CALLERS), dict.fromkeys(both, ADDRESS))
    clients = clients_of(running)
    assert regions(clients) == ["eu-west-1", "us-east-1"]
    await running.replace(settings(buckets={"reports": near()}, callers=CALLERS))
    assert regions(clients) == ["eu-west-1"]
    await running.stop()
    assert regions(clients) == []


async def test_clients_of_sts_are_made_beside_the_loop(running: Services) -> None:
    await running.start(
        settings(buckets={"reports": near()}, callers=CALLERS), {"reports": ADDRESS}
    )
    more = {"reports": near(), "photos": near(region="us-east-1")}
    with called_here(ClientCreator.create_client, ClientCreator._load_service_model) as called:
        await running.replace(settings(buckets=more, callers=CALLERS))
    assert called == []
    await running.stop()


async def test_a_change_that_fails_closes_the_clients_it_had_opened(running: Services) -> None:
    await running.start(
        settings(buckets={"reports": near()}, callers=CALLERS), {"reports": ADDRESS}
    )
    clients, make = clients_of(running), running._make_source

    async def fails_for_the_second(name: str, of: Settings) -> Any:
        if name == "worse":
            raise RuntimeError("no client")
        return await make(name, of)

    running._make_source = fails_for_the_second
    more = {"reports": near(), "far": near(region="us-east-1"), "worse": near()}
    with pytest.raises(RuntimeError):
        await running.replace(settings(buckets=more, callers=CALLERS))
    assert regions(clients) == ["eu-west-1"]
    await running.stop()


async def test_a_start_that_fails_half_way_leaves_nothing_open(
    running: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    opened = running._rate_limits

    def limits(of: Settings) -> Any:
        made = opened(of)

        async def close() -> None:
            closed.append("limits")

        made.close = close  # type: ignore[method-assign]
        return made

    def fails(self: SessionPool) -> None:
        raise RuntimeError("no pool")

    monkeypatch.setattr(running, "_rate_limits", limits)
    monkeypatch.setattr(SessionPool, "start", fails)
    with pytest.raises(RuntimeError, match="no pool"):
        await running.start(
            settings(buckets={"reports": near()}, callers=CALLERS), {"reports": ADDRESS}
        )
    assert closed == ["limits"]
    assert running._store._client._client.is_closed
    assert regions(clients_of(running)) == []
    assert tasks("session") == []


async def test_a_stop_that_fails_half_way_still_closes_the_rest(
    running: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = SessionPool.stop

    async def fails(self: SessionPool) -> None:
        await stop(self)
        raise RuntimeError("no stop")

    monkeypatch.setattr(SessionPool, "stop", fails)
    await running.start(
        settings(buckets={"reports": near()}, callers=CALLERS), {"reports": ADDRESS}
    )
    with pytest.raises(RuntimeError, match="no stop"):
        await running.stop()
    assert running._store._client._client.is_closed
    assert regions(clients_of(running)) == []


async def test_a_rotated_bundle_of_sts_makes_new_clients_and_keeps_the_sessions(
    running: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = "-----END CERTIFICATE-----\n"
    bundle = tmp_path / "ca.pem"
    one, other, *_ = certifi.contents().split(end)
    bundle.write_text(one + end)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    before = settings(buckets={"reports": near()}, callers=CALLERS)
    await running.start(before, {"reports": ADDRESS})
    clients = clients_of(running)
    [old] = clients._made
    source = running._pool._buckets["reports"].source
    bundle.write_text(other + end)
    await running.replace(before)
    [new] = clients._made
    assert new.authorities != old.authorities
    assert running._pool._buckets["reports"].source is source  # so its sessions stay
    await running.stop()


async def test_a_client_two_roles_share_is_closed_with_the_second() -> None:
    role = Role(arn="a", region="eu-west-1", session_seconds=900)
    async with AsyncExitStack() as stack:
        clients = StsClients(aioboto3.Session(), stack)
        one, other = await clients.for_role(role), await clients.for_role(role)
        await one.close()
        await one.close()
        assert regions(clients) == ["eu-west-1"]
        await other.close()
        assert regions(clients) == []
