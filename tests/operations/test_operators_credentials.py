"""With whose credentials a command of an operator's acts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.sessions.sts import SessionRefused, operators_credentials
from tests.support.fakes import SECRET, TOKEN


@pytest.fixture(name="chain")
def _chain(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Sets what the AWS default chain has, in a configuration file and variables."""
    with pytest.MonkeyPatch.context() as patch:

        def have(configuration: str = "", **variables: str) -> None:
            (tmp_path / "config").write_text(configuration)
            for name, value in variables.items():
                patch.setenv(name, value)

        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield have


async def test_an_operators_keys_may_have_a_token(chain: Callable[..., None]) -> None:
    chain(AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=TOKEN)
    got = await operators_credentials()
    assert (got.access_key_id, got.secret_access_key, got.session_token) == ("AKIA", SECRET, TOKEN)


async def test_an_operator_without_credentials_is_told(chain: Callable[..., None]) -> None:
    chain()
    with pytest.raises(SessionRefused, match="default chain has no credentials"):
        await operators_credentials()


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ("", "ProfileNotFound"),
        ("[profile ann]\ncredential_process = sh -c 'echo hush >&2; exit 1'", "CredentialRetrievalError"),
    ],
)  # fmt: skip
async def test_a_chain_that_fails_is_told_without_its_words(
    chain: Callable[..., None], configuration: str, told: str
) -> None:
    chain(configuration, AWS_PROFILE="ann")
    with pytest.raises(SessionRefused) as refused:
        await operators_credentials()
    assert str(refused.value) == f"The AWS default chain gives no credentials: {told}."
