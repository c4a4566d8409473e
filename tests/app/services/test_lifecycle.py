"""What is opened is closed: after a failed start, a failed change, and once nothing needs it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aioboto3
import pytest
from botocore.client import ClientCreator

from service.app.services import Services
from service.app.session_sources import Origin, aws_sources
from service.app.settings import Settings
from service.clock import SystemClock
from service.config.key_files import KEY_BYTES, new_key
from service.errors import ConfigurationError
from service.presigning.rate_limits import RateLimits
from service.protocols.links.settings import LinksSettings
from service.sessions.pool import SessionPool
from service.sessions.source import Role
from service.sessions.sts import AssumedRole
from service.sessions.sts_clients import StsClients
from service.telemetry.metrics import Metrics
from tests.app.services.harness import BUCKET, called_here, caller, grant, one_ca, settings, tasks
from tests.support.factories import ADDRESS


@pytest.fixture(name="services")
async def _services(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    """With real STS clients."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    clock = SystemClock()
    async with aws_sources(clock) as make:
        yield Services(clock=clock, make_source=make, write_audit=lambda _: None, metrics=Metrics())


def buckets(**regions: str) -> Settings:
    """STS is at a closed port."""
    sts = {"sts_endpoint_url": "http://127.0.0.1:9"}
    configured = {name: {**BUCKET, **sts, "region": region} for name, region in regions.items()}
    return settings(buckets=configured, callers=[caller("billing", grant())])


ONE = buckets(reports="eu-west-1")
TWO = buckets(reports="eu-west-1", far="us-east-1")


async def start(services: Services, configured: Settings = ONE) -> StsClients:
    await services.start(configured, dict.fromkeys(configured.buckets, ADDRESS))
    return clients_of(services)


def clients_of(services: Services) -> StsClients:
    assert services._current is not None
    source = services._current.sources()[0]
    assert isinstance(source, AssumedRole)
    clients: StsClients = source._client._clients
    return clients


def regions(clients: StsClients) -> list[str]:
    return sorted(each.region for each in clients._made)


async def test_the_sts_client_of_a_removed_region_is_closed(services: Services) -> None:
    clients = await start(services, TWO)
    assert regions(clients) == ["eu-west-1", "us-east-1"]
    await services.reconfigure(ONE)
    assert regions(clients) == ["eu-west-1"]
    await services.stop()
    assert regions(clients) == []


async def test_sts_clients_are_made_in_a_thread(services: Services) -> None:
    await start(services)
    with called_here(ClientCreator.create_client, ClientCreator._load_service_model) as called:
        await services.reconfigure(TWO)
    assert called == []
    await services.stop()


async def test_a_failed_change_closes_its_new_clients(services: Services) -> None:
    clients, make = await start(services), services._make_source

    async def fails_for_one(name: str, origin: Origin) -> Any:
        if name == "worse":
            raise RuntimeError("no client")
        return await make(name, origin)

    services._make_source = fails_for_one
    with pytest.raises(RuntimeError):
        await services.reconfigure(buckets(reports="eu-west-1", far="us-east-1", worse="eu-west-1"))
    assert regions(clients) == ["eu-west-1"]
    await services.stop()


async def test_a_key_that_cannot_be_read_leaves_no_new_client(
    services: Services, tmp_path: Path
) -> None:
    """It could be read when the settings were."""
    key = tmp_path / "key"
    key.write_text(new_key(bytes(KEY_BYTES)))
    links = {"keys": [str(key)], "url": "https://files.example"}
    changed = TWO.model_copy(update={"links": LinksSettings.model_validate(links)})
    key.unlink()
    clients = await start(services)
    with pytest.raises(ConfigurationError):
        await services.reconfigure(changed)
    assert regions(clients) == ["eu-west-1"]
    await services.stop()


async def test_a_failed_start_leaves_nothing_open(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    async def close(self: RateLimits) -> None:
        closed.append("limits")

    def fails(self: SessionPool) -> None:
        raise RuntimeError("no pool")

    monkeypatch.setattr(RateLimits, "close", close)
    monkeypatch.setattr(SessionPool, "start", fails)
    with pytest.raises(RuntimeError, match="no pool"):
        await start(services)
    assert closed == ["limits"]
    assert services._store._client._client.is_closed
    assert regions(clients_of(services)) == []
    assert tasks("session") == []


async def test_a_stop_that_fails_still_closes_the_rest(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = SessionPool.stop

    async def fails(self: SessionPool) -> None:
        await stop(self)
        raise RuntimeError("no stop")

    monkeypatch.setattr(SessionPool, "stop", fails)
    clients = await start(services)
    with pytest.raises(RuntimeError, match="no stop"):
        await services.stop()
    assert services._store._client._client.is_closed
    assert regions(clients) == []


async def test_a_rotated_ca_bundle_replaces_sts_clients_and_keeps_sessions(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(one_ca())
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    clients = await start(services)
    [old] = clients._made
    source = services._pool._buckets["reports"].source
    bundle.write_text(one_ca(1))
    await services.reconfigure(ONE)
    [new] = clients._made
    assert new.authorities != old.authorities
    assert services._pool._buckets["reports"].source is source  # so its sessions stay
    await services.stop()


async def test_a_client_of_two_roles_is_closed_with_the_second() -> None:
    role = Role(arn="a", region="eu-west-1", session_seconds=900)
    async with AsyncExitStack() as stack:
        clients = StsClients(aioboto3.Session(), stack)
        one, other = await clients.for_role(role), await clients.for_role(role)
        await one.close()
        await one.close()
        assert regions(clients) == ["eu-west-1"]
        await other.close()
        assert regions(clients) == []
