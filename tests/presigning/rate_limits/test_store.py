"""A store that replicas share: a real one. `test_calls.py` has its failures, in virtual time."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.concurrency.store_calls import MAX_CALLS
from service.config.server import ServerSettings
from service.errors import ConfigurationError
from tests.presigning.rate_limits.replicas import (
    OTHER,
    PASSWORD,
    Replica,
    make_replicas,
    send_burst,
)
from tests.support.processes import free_ports
from tests.support.stub_server import make_tls_context
from tests.support.valkey import Valkey
from tests.support.waiting import until


async def test_replicas_of_one_store_share_the_count(store: Valkey) -> None:
    async with make_replicas(store.url, 2) as [one, other]:
        await one.take(6)
        await other.take(4)
        await one.refusal(1)
        await other.refusal(1)


async def test_a_cancelled_call_leaves_no_response_for_the_next(store: Valkey) -> None:
    """Otherwise the next would read it as its own."""
    async with make_replicas(store.url) as [replica]:
        await replica.take(1)
        for _ in range(20):
            going = asyncio.ensure_future(replica.take(1, caller=OTHER))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
        await replica.take(9)
        await replica.refusal(1)
        assert replica.failures == 0


async def test_connections_to_redis_are_few_and_close_with_the_service(store: Valkey) -> None:
    async with make_replicas(store.url) as [replica]:
        await send_burst(replica)
        assert 0 < store.connections() <= MAX_CALLS
    await until(lambda: store.connections() == 0)


@pytest.mark.parametrize("url", ["redis://limits", "redis://limits:6379/1", "rediss://limits:1"])
async def test_a_port_need_not_be_named(url: str) -> None:
    async with make_replicas(url) as [replica]:
        assert replica.failures == 0


def test_the_error_for_an_invalid_url_hides_its_password() -> None:
    with pytest.raises(ConfigurationError) as told:
        Replica(f"redis://:{PASSWORD}/x@limits:6379")
    assert "server.rate_limit_url" in str(told.value)
    assert PASSWORD not in str(told.value)


@pytest.fixture(scope="module", name="locked")
def _locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    url = f"redis://:{PASSWORD}@127.0.0.1:{{port}}/0"
    store = Valkey(tmp_path_factory.mktemp("locked"), "--requirepass", PASSWORD, url=url)
    store.start()
    yield store
    store.stop()


async def test_replicas_with_the_password_share_the_count(locked: Valkey) -> None:
    async with make_replicas(locked.url, 2) as [one, other]:
        await one.take(10)
        await other.refusal(1)
        assert one.failures + other.failures == 0


@pytest.mark.parametrize("given", ["", ":sentinel-wrong@", f"presign:{PASSWORD}@"])
async def test_a_wrong_password_counts_in_memory_and_is_not_shown(
    locked: Valkey, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    caplog.set_level(logging.DEBUG)
    url = locked.url.replace(f":{PASSWORD}@", given)
    settings = ServerSettings.model_validate({"rate_limit_url": url})
    assert settings.rate_limit_url is not None
    assert settings.rate_limit_url.get_secret_value() == url
    async with make_replicas(url) as [replica]:
        await replica.take(10)
        await replica.refusal(1)
        assert replica.failures == 2
        shown = f"{replica.limits!r} {settings!r} {settings.model_dump_json()} {caplog.text}"
    assert "sentinel" not in shown
    lines = log_of_service(caplog)
    assert len(lines) == 1
    assert lines[0].startswith("the rate limit store fails; it is called again in 5 s: ")


@pytest.fixture(scope="module", name="encrypted")
def _encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """It talks TLS only, with a certificate for 127.0.0.1 that signs itself."""
    directory = tmp_path_factory.mktemp("encrypted")
    make_tls_context(directory)
    authority, key = str(directory / "ca.crt"), str(directory / "key")
    files = ["--tls-cert-file", authority, "--tls-key-file", key, "--tls-ca-cert-file", authority]
    url = f"rediss://127.0.0.1:{{port}}/0?ssl_ca_certs={authority}"
    store = Valkey(directory, *files, "--tls-auth-clients", "no", url=url)
    store.start()
    yield store
    store.stop()


async def test_replicas_share_the_count_over_tls(encrypted: Valkey) -> None:
    async with make_replicas(encrypted.url, 2) as [one, other]:
        await one.take(10)
        await other.refusal(1)
        assert one.failures + other.failures == 0


async def test_an_unknown_certificate_authority_is_not_trusted(
    encrypted: Valkey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells it from a closed port."""
    (closed_port,) = free_ports(1)
    assert await failures_at(f"rediss://127.0.0.1:{closed_port}/0") == 1
    make_tls_context(tmp_path)  # another authority of the same name
    of_the_system, _, _ = encrypted.url.partition("?")
    for url in (of_the_system, f"{of_the_system}?ssl_ca_certs={tmp_path / 'ca.crt'}"):
        assert await failures_at(url) == 1
    causes = ["ConnectionRefusedError", *2 * ["SSLCertVerificationError"]]
    text = "the rate limit store fails; it is called again in 5 s: ConnectionError"
    assert log_of_service(caplog) == [f"{text} ({cause})" for cause in causes]


async def test_a_certificate_for_another_host_is_refused(encrypted: Valkey) -> None:
    assert await failures_at(encrypted.url.replace("127.0.0.1", "localhost")) == 1


async def test_a_store_with_tls_gets_nothing_in_clear_text(encrypted: Valkey) -> None:
    assert await failures_at(encrypted.url.partition("?")[0].replace("rediss", "redis")) == 1


def log_of_service(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name.startswith("service")]


async def failures_at(url: str) -> int:
    async with make_replicas(url) as [replica]:
        await replica.take(10)  # in memory
    return replica.failures
