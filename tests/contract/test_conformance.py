"""The running service keeps to the document, whatever it is sent: schemathesis asks at random.

No reply has a status that the document does not name, a body of another shape, or a fault of ours.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.config.key_files import new_key
from tests.contract.conformance import API_KEY, STATUSES, make_schema, settings_of
from tests.support.processes import free_ports
from tests.support.service import run_service_process
from tests.support.stores import ROOT_KEY_ID, ROOT_SECRET, ministack

CASES_AN_OPERATION: Final = 60


@pytest.fixture(name="url", scope="module")
def _url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = {"AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    directory, (port,) = tmp_path_factory.mktemp("conformance"), free_ports(1)
    (directory / "link.key").write_text(new_key(b"k" * 32))
    with ministack(tmp_path_factory.mktemp("ministack")) as store:
        settings = settings_of(store, directory / "link.key")
        with run_service_process(settings, directory, port, **keys):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture(name="asked")
def _asked() -> Iterator[list[int]]:
    """The statuses of all replies of an operation."""
    statuses: list[int] = []
    yield statuses
    assert len(statuses) >= CASES_AN_OPERATION
    assert set(statuses) - {401, 405}  # the key was accepted


schema = make_schema()


@pytest.mark.slow  # `make check` runs it
@schema.parametrize()
@settings(
    max_examples=CASES_AN_OPERATION,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_response_conforms_to_the_document(
    case: schemathesis.Case[Any], url: str, asked: list[int]
) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    reply = case.call_and_validate(
        base_url=url, headers=headers, excluded_checks=[positive_data_acceptance]
    )
    asked.append(reply.status_code)
    assert reply.status_code in STATUSES
    assert ROOT_SECRET not in reply.text
