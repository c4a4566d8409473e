"""A change that failed is retried, and rotated certificates are used."""

import asyncio
import ssl
from pathlib import Path

import pytest

from service.app import reload
from service.app.configuration import store_tls_context
from service.http_client.transport import AiohttpTransport
from tests.app.reload.harness import put, watching
from tests.app.services.harness import called_here, configuration, one_ca
from tests.support.waiting import until


async def test_a_change_is_retried_once_its_certificate_is_mounted(path: Path) -> None:
    """A Secret may appear seconds after the ConfigMap that names it."""
    ca_file = path.with_name("ca.crt")
    url = "https://a/"
    cluster = {"issuer": url, "audience": "a", "jwks_url": url, "ca_file": str(ca_file)}
    async with watching(path, retry_seconds=0.05) as service:
        put(path, configuration(issuers={"cluster": cluster}))
        await until(lambda: "failed" in service.results)
        assert "ok" not in service.results
        ca_file.write_text(one_ca())
        await until(lambda: "ok" in service.results)
        assert "cluster" in service.harness.services.configuration.settings.issuers
        number = len(service.results)
        await asyncio.sleep(0.3)
        assert len(service.results) == number  # no more retries


@pytest.mark.parametrize("attempts", [1, 3, 10])
async def test_the_pause_between_retries_doubles_to_five_minutes(attempts: int) -> None:
    retries = reload._Retries(10.0)
    assert not retries.is_due()
    for attempt in range(attempts):
        retries.postpone(again=attempt > 0)
    left = retries._due_at - asyncio.get_running_loop().time()
    assert left == pytest.approx(min(10.0 * 2 ** (attempts - 1), 300.0), abs=1)
    retries.postpone(again=False)  # another change begins with the short pause
    assert retries._due_at - asyncio.get_running_loop().time() == pytest.approx(10.0, abs=1)
    retries.end()
    assert not retries.is_due()


@pytest.fixture(name="bundle")
def _bundle(path: Path) -> Path:
    """The configured CA bundle, with one CA."""
    bundle = path.with_name("ca.pem")
    bundle.write_text(one_ca())
    put(path, configuration(server={"ca_bundle": str(bundle)}))
    return bundle


async def test_a_rotated_ca_bundle_needs_no_restart(path: Path, bundle: Path) -> None:
    async with watching(path) as service:
        store = service.harness.services.core.store
        old = store._client
        async with old.for_a_call() as client:
            assert isinstance(client, AiohttpTransport)
            session = client._open_session()
            with called_here(ssl.create_default_context, store_tls_context) as called:
                assert await service.outcome(lambda: put(bundle, one_ca(1))) == "ok"
            during_its_call = session.closed
        assert (during_its_call, session.closed) == (False, True)
        assert called == []  # certificates are read in a thread
        transport = store._client._client
        assert isinstance(transport, AiohttpTransport)
        trusted = transport._tls.get_ca_certs()
        assert trusted == ssl.create_default_context(cafile=str(bundle)).get_ca_certs()
        assert transport is not client
        assert store._client is not old


async def test_a_change_without_certificates_keeps_connections(path: Path) -> None:
    async with watching(path) as service:
        client = service.harness.services.core.store._client
        assert await service.changed_to(configuration(console=True)) == "ok"
        assert service.harness.services.core.store._client is client


async def test_an_invalid_ca_bundle_changes_nothing(path: Path, bundle: Path) -> None:
    async with watching(path) as service:
        client = service.harness.services.core.store._client
        assert await service.outcome(lambda: put(bundle, "half of")) == "failed"
        assert service.harness.services.core.store._client is client
        assert await service.outcome(lambda: put(bundle, one_ca())) == "ok"
