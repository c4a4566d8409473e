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
# They need an id, a signed URL or a bucket that no random request names.
NEVER_DONE: Final = {
    "GET /v1/multipart-uploads/{upload_id}/parts",
    "POST /v1/multipart-uploads/{upload_id}/complete",
    "DELETE /v1/multipart-uploads/{upload_id}",
    "DELETE /v1/links/{link_id}",
    "POST /v1/cookies",
    "POST /v1/diagnoses",
}


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
def _asked() -> Iterator[list[tuple[str, int]]]:
    """The operation and the status of each reply, some of which say yes if that is possible."""
    asked: list[tuple[str, int]] = []
    yield asked
    assert len(asked) >= CASES_AN_OPERATION
    operations, statuses = map(set, zip(*asked, strict=True))
    assert operations <= NEVER_DONE or {200, 201, 204} & statuses, operations


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
    case: schemathesis.Case[Any], url: str, asked: list[tuple[str, int]]
) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    reply = case.call_and_validate(
        base_url=url, headers=headers, excluded_checks=[positive_data_acceptance]
    )
    asked.append((case.operation.label, reply.status_code))
    assert reply.status_code in STATUSES
    assert ROOT_SECRET not in reply.text
