"""Whom the service trusts as a store."""

import ssl
from pathlib import Path

import certifi
import pytest

from service.app.builders import store_tls_context
from service.config.settings import Settings, load_settings
from service.errors import ConfigurationError
from tests.app.reload.house import put
from tests.app.services.house import (
    House,
    configuration,
    house,
    settings,
)

PEM = "write the path of a readable file with certificates in PEM, here or in AWS_CA_BUNDLE"


@pytest.fixture(name="path")
def _path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("PRESIGN_CA_BUNDLE", raising=False)
    return tmp_path / "presign.yaml"


@pytest.fixture(name="bundle")
def _bundle(path: Path) -> Path:
    """One authority."""
    bundle, end = path.with_name("ca.pem"), "-----END CERTIFICATE-----\n"
    bundle.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end)
    return bundle


def chosen(path: Path, **server: str) -> Path | None:
    put(path, configuration(server=server))
    return load_settings(path).server.ca_bundle


def test_the_bundle_is_the_files_before_the_sdks_and_the_environments_before_both(
    path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = certifi.where()
    assert chosen(path) is None
    monkeypatch.setenv("AWS_CA_BUNDLE", "")
    assert chosen(path) is None
    monkeypatch.setenv("AWS_CA_BUNDLE", usual)
    assert str(chosen(path)) == usual
    assert chosen(path, ca_bundle=str(bundle)) == bundle
    monkeypatch.setenv("PRESIGN_CA_BUNDLE", usual)
    assert str(chosen(path, ca_bundle=str(bundle))) == usual


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_bundle_that_cannot_be_read_is_told_in_words(
    path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    bundle = path.with_name("ca.pem")
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(ConfigurationError, match=f"ca_bundle: {PEM}"):
        chosen(path, ca_bundle=str(bundle))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    with pytest.raises(ConfigurationError, match=f"ca_bundle: {PEM}"):
        chosen(path)
    monkeypatch.setenv("PRESIGN_CA_BUNDLE", str(bundle))
    with pytest.raises(ConfigurationError, match=f"PRESIGN_CA_BUNDLE: {PEM}"):
        chosen(path)


@pytest.mark.usefixtures("path")
async def test_stores_are_called_with_the_bundle(bundle: Path) -> None:
    async with house(settings(server={"ca_bundle": str(bundle)})) as made:
        assert len(trusted(made)) == 1
    async with house(settings()) as made:
        assert len(trusted(made)) > 50


@pytest.fixture(name="gone")
def _gone(bundle: Path) -> Settings:
    read = settings(server={"ca_bundle": str(bundle)})
    bundle.unlink()
    return read


async def test_one_that_has_gone_since_it_was_read_ends_the_start(gone: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.ca_bundle .* cannot be read"):
        store_tls_context(gone)
    with pytest.raises(ConfigurationError):
        async with house(gone):
            pass


def trusted(made: House) -> list[object]:
    """What the transport to stores was given."""
    context = made.running._store._client._client._transport._pool._ssl_context  # type: ignore[attr-defined]  # httpx shows it nowhere
    assert isinstance(context, ssl.SSLContext)
    return [*context.get_ca_certs()]
