"""A change that could not be served is tried again by itself, and certificates are used as they are now."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import certifi
import pytest

from service.app import builders as parts
from service.app import reload
from service.config.settings import load_settings
from tests.app.reload.house import put, watching
from tests.app.services.house import (
    called_here,
    configuration,
    house,
    until,
)

END = "-----END CERTIFICATE-----\n"


def one_authority(number: int = 0) -> str:
    return Path(certifi.where()).read_text(encoding="utf-8").split(END)[number] + END


async def test_a_certificate_that_is_mounted_later_is_used(path: Path) -> None:
    """Nothing else changes: a Secret may come seconds after the ConfigMap that names it."""
    ca_file = path.with_name("ca.crt")
    cluster = {
        "issuer": "https://a",
        "audience": "a",
        "jwks_url": "https://a/",
        "ca_file": str(ca_file),
    }
    outcomes: list[str] = []
    async with house(load_settings(path)) as made:
        watch = reload.keep_reloading(
            path,
            load_settings(path),
            made.running,
            outcomes.append,
            poll_seconds=0.005,
            retry_seconds=0.05,
        )
        task = asyncio.create_task(watch)
        put(path, configuration(issuers={"cluster": cluster}))
        await until(lambda: "failed" in outcomes)
        assert "ok" not in outcomes
        ca_file.write_text(one_authority())
        await until(lambda: "ok" in outcomes)
        served = made.running._settings
        assert served is not None
        assert "cluster" in served.issuers
        number = len(outcomes)
        await asyncio.sleep(0.3)
        assert len(outcomes) == number  # what is served is not tried again
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("attempts", [1, 3, 10])
async def test_the_pause_doubles_up_to_five_minutes(attempts: int) -> None:
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


async def test_a_bundle_that_is_rotated_is_trusted_without_a_restart(path: Path) -> None:
    bundle = path.with_name("ca.pem")
    bundle.write_text(one_authority())
    put(path, configuration(server={"ca_bundle": str(bundle)}))
    async with watching(path) as service:
        store = service.house.running._store
        old = store._client
        async with old.for_a_call() as client:
            with called_here(ssl.create_default_context, parts.store_tls_context) as called:
                assert await service.outcome(lambda: put(bundle, one_authority(1))) == "ok"
            during_its_call = client.is_closed
        assert (during_its_call, client.is_closed) == (False, True)
        assert called == []  # it was made beside the loop
        transport = store._client._client._transport
        trusted = transport._pool._ssl_context.get_ca_certs()  # type: ignore[attr-defined] # httpx shows it nowhere
        with_one = ssl.create_default_context(cafile=str(bundle))
        assert trusted == with_one.get_ca_certs()
        assert (
            await service.changed_to(configuration(console=True, server={"ca_bundle": str(bundle)}))
            == "ok"
        )
        assert store._client._client is not client
        assert store._client is not old


async def test_a_change_that_leaves_the_certificates_alone_keeps_the_connections(
    path: Path,
) -> None:
    async with watching(path) as service:
        client = service.house.running._store._client
        assert await service.changed_to(configuration(console=True)) == "ok"
        assert service.house.running._store._client is client


async def test_a_bundle_that_is_broken_changes_nothing_until_it_is_whole(path: Path) -> None:
    bundle = path.with_name("ca.pem")
    bundle.write_text(one_authority())
    put(path, configuration(server={"ca_bundle": str(bundle)}))
    async with watching(path) as service:
        client = service.house.running._store._client
        assert await service.outcome(lambda: put(bundle, "half of")) == "failed"
        assert service.house.running._store._client is client
        assert await service.outcome(lambda: put(bundle, one_authority())) == "ok"
