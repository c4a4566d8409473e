"""The running service keeps to the document, whatever it is sent: schemathesis asks at random.

No reply has a status that the document does not name, a body of another shape, or a fault of ours.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.auth.api_keys import digest_of
from service.config.links import new_key
from tests.support.processes import free_ports
from tests.support.service import OPERATIONS, run_service_process
from tests.support.stores import ROOT_KEY_ID, ROOT_SECRET, ministack

API_KEY: Final = "conformance"
# Twenty-one operations; with the examples of the document this makes more than the 500 that are asked for.
CASES_AN_OPERATION: Final = 60
STATUSES: Final = {200, 201, 204, 400, 401, 403, 404, 405, 409, 412, 413, 422, 431}


@pytest.fixture(name="url", scope="module")
def _url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    grant = {"bucket": "demo", "prefix": "", "allow": OPERATIONS, "allow_overwrite": True}
    # So that `GET /v1/caller` has every field to tell
    limits = {"max_expires_in": 900, "max_content_length": "50MiB", "max_keys": 100}
    types = {"allow": ["upload", "list"], "content_types": ["image/*"]}
    limited = {"bucket": "demo", "prefix": "limited/", **limits, **types}
    caller = {"api_key": "tests", "sha256": [digest_of(API_KEY)], "grants": [grant, limited]}
    keys = {"AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    directory, (port,) = tmp_path_factory.mktemp("conformance"), free_ports(1)
    (directory / "link.key").write_text(new_key(b"k" * 32))
    links = {"keys": [str(directory / "link.key")], "url": "https://files.example.com"}
    with ministack(tmp_path_factory.mktemp("ministack")) as store:
        at = {"bucket": store.bucket, "region": store.region, "endpoint_url": store.endpoint_url}
        settings = {
            "buckets": {"demo": {**at, "credentials": "static"}},
            "callers": [caller],
            "links": links,
        }
        with run_service_process(settings, directory, port, **keys):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture(name="asked", scope="module")
def _asked() -> Iterator[list[int]]:
    """The statuses of all replies; at the end there must be enough, and both kinds among them.

    Unless the run is distributed: then each worker has only some of the operations, maybe none that
    creates. `make check` runs this room in one process, so there the totals are always held.
    """
    statuses: list[int] = []
    yield statuses
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    assert len(statuses) >= 500
    assert {200, 201} <= set(statuses)
    assert statuses.count(422) > 0


# Left out is the check that whatever fits the schema is accepted: no schema of our subset can say
# that a key has no dot segment, that a lifetime is no shorter than the least, or that 5.0 is no integer.
# The file is what the service serves: tests/api/test_wire.py.
schema = schemathesis.openapi.from_path(
    str(Path(__file__).parents[2] / "openapi.yaml"),
    # Two fields that are too long make a body that is, or a query that makes the head too long: the
    # library's own list, with a 413 and a 431 for that.
    config=schemathesis.Config.from_dict(
        {
            "checks": {
                "negative_data_rejection": {
                    "expected-statuses": [
                        *("400", "401", "403", "404", "405", "406", "409", "413", "415", "422"),
                        *("428", "429", "431", "5xx"),
                    ]
                }
            }
        }
    ),
)


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
