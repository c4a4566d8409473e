"""`deploy/iam` on MiniStack, which enforces it; the tests list what MiniStack does not evaluate.

A listed entry fails once MiniStack evaluates it. `tests/deploy/iam` evaluates the files offline.
"""

from collections.abc import Iterator

import pytest

from tests.end_to_end.iam.deployed import (
    EXTERNAL_ID,
    IDENTITY,
    ROLE_POLICY,
    TAGS,
    TRUST,
    Deployment,
    deployment,
)
from tests.support.service import RunningService, run_service
from tests.support.stores import Store


@pytest.fixture(scope="session")
def deployed(ministack: Store) -> Iterator[Deployment]:
    with deployment(ministack) as made:
        yield made


@pytest.fixture(scope="session")
def service(
    deployed: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """The service, configured with every feature that the files have statements for."""
    with run_service(
        deployed.store,
        tmp_path_factory.mktemp("deployed"),
        external_id=EXTERNAL_ID,
        session_tags=TAGS,
        source_identity=True,
        encryption={"algorithm": "aws:kms", "kms_key_id": deployed.kms_key},
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def as_deployed(deployed: Deployment) -> Iterator[None]:
    """Restore the files' policies after a test."""
    yield
    deployed.put_role(ROLE_POLICY)
    deployed.put_trust(TRUST)
    deployed.put_identity(IDENTITY)
