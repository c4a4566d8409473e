"""Clients generated from openapi.yaml, against the service and a store that verifies signatures."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from tests.clients.growing import FIELD
from tests.clients.making import CLIENTS, Client, Made, generate
from tests.clients.page import commands
from tests.support.service import API_KEY, RunningService
from tests.support.stores import Store

SIZE: Final = 5 * 1024**2 + 1  # two parts
KEY: Final = (
    "reports/a b+c/é'(1)%2F~.txt"  # must be sent byte for byte, or the signature does not match
)


@dataclass(frozen=True, kw_only=True)
class Driven:
    """The result of one run of a driver."""

    key: str
    sent: bytes
    received: bytes
    report: Any
    output: str


def drive(made: Made, url: str, key: str) -> subprocess.CompletedProcess[str]:
    (made.directory / "source").write_bytes(os.urandom(SIZE))
    where = {"PRESIGN_URL": url, "PRESIGN_TOKEN": API_KEY}
    return made.run("source", "target", key, **where)


@pytest.fixture(scope="session", params=["as it is", "grown"])
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def driven(made: Made, client: Client, way: str, request: pytest.FixtureRequest) -> Driven:
    service: RunningService = request.getfixturevalue("service")
    url = (
        str(service.client.base_url) if way == "as it is" else request.getfixturevalue("grown_url")
    )
    # pytest makes a fixture with parameters again if a worker takes its tests in another order.
    key = f"{client.label}/{way}/{uuid4().hex}/{KEY}"
    done = drive(made, url.rstrip("/"), key)
    assert done.returncode == 0, done.stderr
    return Driven(
        key=key,
        sent=(made.directory / "source").read_bytes(),
        received=(made.directory / "target").read_bytes(),
        report=json.loads(done.stdout),
        output=done.stdout + done.stderr,
    )


def stored(store: Store, key: str) -> dict[str, Any]:
    found: dict[str, Any] = store.admin_client().get_object(Bucket=store.bucket, Key=key)
    with found["Body"] as body:
        return {**found, "Body": body.read()}


def test_an_object_survives_upload_and_download_unchanged(driven: Driven, ministack: Store) -> None:
    there = stored(ministack, driven.key)
    assert there["Body"] == driven.sent == driven.received
    assert there["ContentType"] == "text/plain"
    assert there["Metadata"] == {"author": "ann"}


def test_a_batch_answers_each_item(driven: Driven) -> None:
    assert driven.report["batch"] == {"failed": 1, "methods": ["GET"], "codes": ["invalid_request"]}


def test_the_store_accepts_a_form(driven: Driven, ministack: Store) -> None:
    key = driven.report["form"]
    assert key.startswith("inbox/")
    assert key.endswith("/ü.txt")
    assert stored(ministack, key)["Body"] == driven.sent


def test_an_object_is_assembled_from_parts(driven: Driven, ministack: Store) -> None:
    assert driven.report["multipart"] == {"parts": 2, "content_length": SIZE}
    assert stored(ministack, f"{driven.key}.parts")["Body"] == driven.sent


def test_the_clients_error_shows_the_reason(driven: Driven, service: RunningService) -> None:
    problem = refused(service, bucket="nobodys", key=driven.key)
    shown = driven.report["forbidden"]
    assert shown["status"] == 403
    assert shown["code"] == problem["code"] == "forbidden"
    assert shown["detail"] == problem["detail"]
    assert shown["detail"] in shown["shown"]
    assert shown["pointers"] == []


def test_the_clients_error_points_at_the_invalid_field(
    driven: Driven, service: RunningService
) -> None:
    problem = refused(service, bucket="objects", key="../secret")
    shown = driven.report["invalid"]
    assert shown["status"] == 422
    assert shown["code"] == problem["code"] == "invalid_request"
    assert shown["pointers"] == [each["pointer"] for each in problem["errors"]] == ["#/key"]


def refused(service: RunningService, **ask: str) -> dict[str, Any]:
    problem: dict[str, Any] = service.client.post("/v1/download-urls", json=ask).json()
    return problem


def test_no_token_and_no_signed_url_is_printed(driven: Driven) -> None:
    for secret in (API_KEY, "X-Amz-", "Bearer"):
        assert secret not in driven.output


def test_the_grown_version_adds_fields_to_objects_but_not_maps(grown_url: str) -> None:
    item = {"bucket": "objects", "key": "a", "content_length": 1}
    answer = httpx.post(
        f"{grown_url}/v1/upload-urls/batch",
        json={"items": [item, {**item, "key": ".."}]},
        headers={"Authorization": f"Bearer {API_KEY}"},
        trust_env=False,
        timeout=60,
    ).json()
    signed, refused = answer["results"][0]["request"], answer["results"][1]["problem"]
    for each in (answer, *answer["results"], signed, refused, refused["errors"][0]):
        assert FIELD in each
    assert FIELD not in signed["headers"]


def test_without_the_option_a_go_client_fails_on_new_fields(
    service: RunningService, grown_url: str, tmp_path: Path
) -> None:
    """The reason why docs/clients.md requires it. If this fails, the generator has fixed its
    default.
    """
    [client] = [each for each in CLIENTS if each.driver == "drive.go"]
    [command] = commands(client.label)
    generate(command.replace(",disallowAdditionalPropertiesIfNotPresent=false", ""), tmp_path)
    made = client.compiled(tmp_path)

    as_it_is = drive(made, str(service.client.base_url).rstrip("/"), "without the option")
    grown = drive(made, grown_url, "without the option, grown")

    assert as_it_is.returncode == 0, as_it_is.stderr
    assert grown.returncode == 1
    assert f'json: unknown field "{FIELD}"' in grown.stderr
