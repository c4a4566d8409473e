"""`deploy/iam` on MiniStack, which enforces it; what it does not ask stands in the tests' tables.

An entry of a table fails once MiniStack asks. What it says is read offline, in `tests/deploy/iam`.
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
from tests.end_to_end.service import Service, serving
from tests.end_to_end.stores import Store


@pytest.fixture(scope="session")
def deployed(ministack: Store) -> Iterator[Deployment]:
    with deployment(ministack) as made:
        yield made


@pytest.fixture(scope="session")
def service(deployed: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service as the files are for it, with all that they have statements for."""
    with serving(
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
    """What a test puts in place of a file is put right again."""
    yield
    deployed.put_role(ROLE_POLICY)
    deployed.put_trust(TRUST)
    deployed.put_identity(IDENTITY)
