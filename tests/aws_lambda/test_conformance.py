"""Behind Lambda the service keeps to the document too, and answers like the HTTP server.

The same random requests as in tests/contract/test_conformance.py go to both: as an event, each of
one of the kinds, to AWS's runtime client with the image's handler, and to `presign serve`.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final
from zlib import crc32

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core import NotSet
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.config.key_files import new_key
from tests.contract.conformance import API_KEY, STATUSES, make_schema, settings_of
from tests.support.lambda_events import Kind
from tests.support.lambda_gateway import gateway, names_of
from tests.support.lambda_runtime import run_function
from tests.support.processes import free_ports
from tests.support.service import run_service_process
from tests.support.stores import ROOT_KEY_ID, ROOT_SECRET, ministack

pytestmark = pytest.mark.slow

CASES_AN_OPERATION: Final = 24  # besides some 200 of the library's own, which are at the bounds
schema = make_schema()
differences: list[str] = []


def compare(event: httpx.Response, http: httpx.Response) -> None:
    for what, one, other in (
        ("status", event.status_code, http.status_code),
        ("content-type", event.headers.get("content-type"), http.headers.get("content-type")),
        ("headers", names_of(event.headers), names_of(http.headers)),
        ("body", shape(event), shape(http)),
    ):
        if one != other:
            differences.append(f"{what}: {one} as an event, {other} over HTTP")


def shape(answer: httpx.Response) -> Any:
    """Return the names of all members of a JSON body, and the texts of a problem."""
    return _shape(json.loads(answer.content)) if answer.content[:1] == b"{" else None


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        texts = {name: value[name] for name in ("code", "detail", "errors") if name in value}
        return {name: _shape(each) for name, each in value.items()} | texts
    return [_shape(each) for each in value] if isinstance(value, list) else None


@pytest.fixture(name="urls", scope="module")
def _urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Kind, str]]:
    """The URL of a gateway for each kind, all in front of one function."""
    keys = {"AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    served, invoked = (tmp_path_factory.mktemp(name) for name in ("served", "invoked"))
    (served / "link.key").write_text(new_key(b"k" * 32))
    (port,) = free_ports(1)
    with ExitStack() as stack:
        store = stack.enter_context(ministack(tmp_path_factory.mktemp("ministack")))
        configured = settings_of(store, served / "link.key")
        (invoked / "presign.yaml").write_text(json.dumps(configured))
        environment = {"PRESIGN_CONFIG": str(invoked / "presign.yaml"), **keys}
        stack.enter_context(run_service_process(configured, served, port, **keys))
        function = stack.enter_context(run_function(invoked, environment))
        http = ("127.0.0.1", port)
        yield {
            kind: stack.enter_context(gateway(kind, function.api.invoke, http, compare))
            for kind in Kind
        }


@schema.parametrize()
@settings(
    max_examples=CASES_AN_OPERATION,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_events_are_answered_like_requests_over_http(
    case: schemathesis.Case[Any], urls: dict[Kind, str]
) -> None:
    differences.clear()
    reply = case.call_and_validate(
        base_url=urls[kind_for(case)],
        headers={"Authorization": f"Bearer {API_KEY}"},
        excluded_checks=[positive_data_acceptance],
    )
    assert reply.status_code in STATUSES
    assert not differences


def kind_for(case: schemathesis.Case[Any]) -> Kind:
    """The same for the same case, which hypothesis repeats when it fails."""
    body = None if isinstance(case.body, NotSet) else case.body
    sent = repr((case.method, case.path_parameters, case.query, case.headers, body))
    return list(Kind)[crc32(sent.encode()) % len(Kind)]
