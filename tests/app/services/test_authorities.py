"""The CA certificates that the service trusts when it calls stores."""

from pathlib import Path

import certifi
import pytest

from service.app.configuration import store_tls_context
from service.app.settings import Settings, load_settings
from service.errors import ConfigurationError
from service.http_client.transport import AiohttpTransport
from tests.app.reload.harness import put
from tests.app.services.harness import Harness, configuration, one_ca, settings, start_services

PEM = "write the path of a readable file with certificates in PEM, here or in AWS_CA_BUNDLE"


@pytest.fixture(name="path")
def _path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("PRESIGN_CA_BUNDLE", raising=False)
    return tmp_path / "presign.yaml"


@pytest.fixture(name="bundle")
def _bundle(path: Path) -> Path:
    """With one CA."""
    bundle = path.with_name("ca.pem")
    bundle.write_text(one_ca())
    return bundle


def chosen(path: Path, **server: str) -> Path | None:
    put(path, configuration(server=server))
    return load_settings(path).server.ca_bundle


def test_precedence_of_the_three_ca_bundle_settings(
    path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = certifi.where()
    assert chosen(path) is None
    monkeypatch.setenv("AWS_CA_BUNDLE", "")
    assert chosen(path) is None
    monkeypatch.setenv("AWS_CA_BUNDLE", default)
    assert str(chosen(path)) == default
    assert chosen(path, ca_bundle=str(bundle)) == bundle
    monkeypatch.setenv("PRESIGN_CA_BUNDLE", default)
    assert str(chosen(path, ca_bundle=str(bundle))) == default


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_an_unreadable_bundle_is_a_configuration_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    bundle = path.with_name("ca.pem")
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(ConfigurationError, match=f"ca_bundle: {PEM}"):
        chosen(path, ca_bundle=str(bundle))
    for variable, name in (("AWS_CA_BUNDLE", "ca_bundle"), ("PRESIGN_CA_BUNDLE",) * 2):
        monkeypatch.setenv(variable, str(bundle))
        with pytest.raises(ConfigurationError, match=f"{name}: {PEM}"):
            chosen(path)


@pytest.mark.usefixtures("path")
async def test_store_calls_use_the_bundle(bundle: Path) -> None:
    async with start_services(settings(server={"ca_bundle": str(bundle)})) as harness:
        assert len(trusted(harness)) == 1
    async with start_services(settings()) as harness:
        assert len(trusted(harness)) > 50


@pytest.fixture(name="without_bundle")
def _without_bundle(bundle: Path) -> Settings:
    read = settings(server={"ca_bundle": str(bundle)})
    bundle.unlink()
    return read


async def test_a_bundle_removed_after_reading_fails_the_start(without_bundle: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.ca_bundle .* cannot be read"):
        store_tls_context(without_bundle)
    with pytest.raises(ConfigurationError):
        async with start_services(without_bundle):
            pass


def trusted(harness: Harness) -> list[object]:
    transport = harness.services.core.store._client._client
    assert isinstance(transport, AiohttpTransport)
    return [*transport._tls.get_ca_certs()]
