"""What is opened is closed: after a failed start, a failed change, and once nothing needs it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aioboto3
import pytest
from botocore.client import ClientCreator

from service.api.problems import Problems
from service.app.environment import Environment
from service.app.services import Services, open_services
from service.app.session_sources import CredentialOrigin, MakeSource, aws_sources
from service.app.settings import Settings
from service.clock import Clock
from service.config.key_files import KEY_BYTES, new_key
from service.errors import ConfigurationError
from service.presigning.rate_limits import RateLimits
from service.protocols.links.settings import LinksSettings
from service.s3.client import S3Client
from service.sessions.pool import SessionPool
from service.sessions.source import Role, SessionSource
from service.sessions.sts import AssumedRole
from service.sessions.sts_clients import StsClients
from tests.app.services.harness import BUCKET, called_here, caller, grant, one_ca, settings, tasks
from tests.support.factories import ADDRESS


def buckets(**regions: str) -> Settings:
    """STS is at a closed port."""
    sts = {"sts_endpoint_url": "http://127.0.0.1:9"}
    configured = {name: {**BUCKET, **sts, "region": region} for name, region in regions.items()}
    return settings(buckets=configured, callers=[caller("billing", grant())])


ONE = buckets(reports="eu-west-1")
TWO = buckets(reports="eu-west-1", far="us-east-1")


class Opened:
    """Services with real STS clients."""

    services: Services

    def __init__(self) -> None:
        self.sources: list[SessionSource] = []
        self.refused: str | None = None  # the bucket that gets no source
        self._stack = AsyncExitStack()

    async def start(self, configured: Settings = ONE) -> StsClients:
        opening = open_services(
            configured,
            dict.fromkeys(configured.buckets, ADDRESS),
            Environment(write_audit=lambda _: None, open_sources=self._open_sources),
            Problems(),
        )
        self.services = await self._stack.enter_async_context(opening)
        return self.clients

    async def stop(self) -> None:
        await self._stack.aclose()

    @property
    def clients(self) -> StsClients:
        source = self.sources[0]
        assert isinstance(source, AssumedRole)
        clients: StsClients = source._client._clients
        return clients

    @asynccontextmanager
    async def _open_sources(self, clock: Clock) -> AsyncIterator[MakeSource]:
        async with aws_sources(clock) as make:

            async def recorded(name: str, origin: CredentialOrigin) -> SessionSource:
                if name == self.refused:
                    raise RuntimeError("no client")
                self.sources.append(await make(name, origin))
                return self.sources[-1]

            yield recorded


@pytest.fixture(name="opened")
def _opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return Opened()


@pytest.fixture(name="closed")
def _closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parts that were closed."""
    closed: list[str] = []

    def closing(kind: type[RateLimits | S3Client], name: str) -> None:
        close = kind.close

        async def record(self: Any) -> None:
            closed.append(name)
            await close(self)

        monkeypatch.setattr(kind, "close", record)

    closing(RateLimits, "limits")
    closing(S3Client, "store")
    return closed


def regions(clients: StsClients) -> list[str]:
    return sorted(each.region for each in clients._made)


async def test_the_sts_client_of_a_removed_region_is_closed(opened: Opened) -> None:
    clients = await opened.start(TWO)
    assert regions(clients) == ["eu-west-1", "us-east-1"]
    await opened.services.reconfigure(ONE)
    assert regions(clients) == ["eu-west-1"]
    await opened.stop()
    assert regions(clients) == []


async def test_sts_clients_are_made_in_a_thread(opened: Opened) -> None:
    await opened.start()
    with called_here(ClientCreator.create_client, ClientCreator._load_service_model) as called:
        await opened.services.reconfigure(TWO)
    assert called == []
    await opened.stop()


async def test_a_failed_change_closes_its_new_clients(opened: Opened) -> None:
    clients = await opened.start()
    opened.refused = "worse"
    with pytest.raises(RuntimeError):
        await opened.services.reconfigure(
            buckets(reports="eu-west-1", far="us-east-1", worse="eu-west-1")
        )
    assert regions(clients) == ["eu-west-1"]
    await opened.stop()


async def test_a_key_that_cannot_be_read_leaves_no_new_client(
    opened: Opened, tmp_path: Path
) -> None:
    """It could be read when the settings were."""
    key = tmp_path / "key"
    key.write_text(new_key(bytes(KEY_BYTES)))
    links = LinksSettings.model_validate({"keys": [str(key)]})
    changed = TWO.model_copy(update={"links": links})
    key.unlink()
    clients = await opened.start()
    with pytest.raises(ConfigurationError):
        await opened.services.reconfigure(changed)
    assert regions(clients) == ["eu-west-1"]
    await opened.stop()


async def test_a_failed_start_leaves_nothing_open(
    opened: Opened, closed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: SessionPool) -> None:
        raise RuntimeError("no pool")

    monkeypatch.setattr(SessionPool, "start", fails)
    with pytest.raises(RuntimeError, match="no pool"):
        await opened.start()
    assert closed == ["store", "limits"]
    assert regions(opened.clients) == []
    assert tasks("session") == []


async def test_a_stop_that_fails_still_closes_the_rest(
    opened: Opened, closed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = SessionPool.stop

    async def fails(self: SessionPool) -> None:
        await stop(self)
        raise RuntimeError("no stop")

    monkeypatch.setattr(SessionPool, "stop", fails)
    clients = await opened.start()
    with pytest.raises(RuntimeError, match="no stop"):
        await opened.stop()
    assert closed == ["store", "limits"]
    assert regions(clients) == []


async def test_a_rotated_ca_bundle_replaces_sts_clients_and_keeps_sessions(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(one_ca())
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    clients = await opened.start()
    [old] = clients._made
    source = opened.services.core.pool._buckets["reports"].source
    bundle.write_text(one_ca(1))
    await opened.services.reconfigure(ONE)
    [new] = clients._made
    assert new.authorities != old.authorities
    assert opened.services.core.pool._buckets["reports"].source is source  # so its sessions stay
    await opened.stop()


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
