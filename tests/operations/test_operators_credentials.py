"""The credentials that operators' commands use."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.sessions.source import SessionRefused
from service.sessions.sts import operators_credentials
from tests.support.factories import SECRET, TOKEN


@pytest.fixture(name="chain")
def _chain(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Set the AWS default chain's configuration file and variables."""
    with pytest.MonkeyPatch.context() as patch:

        def set_up(configuration: str = "", **variables: str) -> None:
            (tmp_path / "config").write_text(configuration)
            for name, value in variables.items():
                patch.setenv(name, value)

        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield set_up


async def test_session_credentials_are_used(chain: Callable[..., None]) -> None:
    chain(AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=TOKEN)
    found = await operators_credentials()
    keys = (found.access_key_id, found.secret_access_key, found.session_token)
    assert keys == ("AKIA", SECRET, TOKEN)


async def test_missing_credentials_are_refused(chain: Callable[..., None]) -> None:
    chain()
    with pytest.raises(SessionRefused, match="default chain has no credentials"):
        await operators_credentials()


@pytest.mark.parametrize(
    ("configuration", "error"),
    [
        ("", "ProfileNotFound"),
        ("[profile ann]\ncredential_process = sh -c 'echo hush >&2; exit 1'", "CredentialRetrievalError"),
    ],
)  # fmt: skip
async def test_a_failing_chain_is_reported_without_its_message(
    chain: Callable[..., None], configuration: str, error: str
) -> None:
    chain(configuration, AWS_PROFILE="ann")
    with pytest.raises(SessionRefused) as refused:
        await operators_credentials()
    assert str(refused.value) == f"The AWS default chain gives no credentials: {error}."
