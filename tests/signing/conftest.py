import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _bare_environment() -> Iterator[None]:
    """The oracle is a default client: no profile or endpoint of the machine may affect it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        yield
