"""`app.openapi()` is compared with openapi.yaml. Answers are checked by `tests/contract/test_conformance.py`."""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from presign_client import caller
from service.access.grants import Conditions, Grant, Operation
from service.app.factory import create_app
from service.app.settings import Settings
from service.diagnosis.findings import Code

# What only one of the two says: names, prose, the widths of integers, which JSON does not have, and
# the defaults of fields that are absent in the models. tests/api/test_defaults.py checks those.
_UNSAID = {"title", "description", "examples", "format", "default"}


@pytest.fixture(name="generated", scope="module")
def _generated() -> Any:
    bucket = {"region": "eu-west-1", "credentials": "static"}
    return create_app(Settings.model_validate({"buckets": {"demo": bucket}}), {}).openapi()


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (path, method): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_the_paths_and_methods_are_the_same(document: Any, generated: Any) -> None:
    assert operations(generated).keys() == operations(document).keys()


@pytest.mark.parametrize("part", ["operationId", "tags", "schema", "parameters"])
def test_each_operation_has_the_same(part: str, document: Any, generated: Any) -> None:
    written = {at: _part(operation, part) for at, operation in operations(document).items()}
    assert {at: _part(each, part) for at, each in operations(generated).items()} == written


def test_the_schemas_that_requests_use_have_the_same_shape(document: Any, generated: Any) -> None:
    written, built = _components(document), _components(generated)
    names = [name for name in written if name.endswith("Request") and name != "PresignedRequest"]
    assert len(names) == 19
    assert {*names, None} == set(map(_request_schema, operations(document).values()))
    for name in [
        *names,
        "Checksum",
        "CompletedPart",
        "CopySource",
        "ExpectedChecksum",
        "StringMap",
    ]:
        assert _shape(built[name], built) == _shape(written[name], written), name


def test_every_operation_of_a_grant_is_documented(document: Any) -> None:
    named = _components(document)["CallerGrant"]["properties"]["allow"]["description"]
    assert set(re.findall("`([a-z]+)`", named)) == set(Operation)


def test_every_limit_and_condition_of_a_grant_is_documented(document: Any) -> None:
    members = _components(document)["CallerGrant"]["properties"].keys()
    assert members == (all_of(Grant) - {"conditions"}) | all_of(Conditions)


def test_the_python_client_knows_each_member_of_a_grant(document: Any) -> None:
    assert all_of(caller.Grant) == _components(document)["CallerGrant"]["properties"].keys()


def all_of(dataclass: type) -> set[str]:
    return {each.name for each in fields(dataclass)}


def test_every_finding_code_is_documented(document: Any) -> None:
    named = _components(document)["Finding"]["properties"]["code"]["description"]
    assert re.findall("`([a-z0-9_]+)`", named) == list(Code)


def _components(document: Any) -> Any:
    return document["components"]["schemas"]


def _part(operation: Any, part: str) -> Any:
    if part == "schema":
        return _request_schema(operation)
    if part == "parameters":
        return [
            (each["in"], each["name"], each["required"], _shape(each["schema"], {}))
            for each in operation.get("parameters", [])
        ]
    return operation[part]


def _request_schema(operation: Any) -> Any:
    """The name of the schema of the body, if the operation has one."""
    if "requestBody" not in operation:
        return None
    return operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]


def _shape(schema: Any, schemas: Any) -> Any:
    """The schema with its references to plain strings followed, and without what is unsaid."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _shape(schemas[name], schemas) if "enum" in schemas[name] else name
    return dict(sorted(_members(schema, schemas)))


def _members(schema: Any, schemas: Any) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        if name == "properties":
            yield name, {field: _shape(inner, schemas) for field, inner in value.items()}
        elif name in {"items", "additionalProperties"} and isinstance(value, dict):
            yield name, _shape(value, schemas)
        elif name == "required":
            yield name, sorted(value)
        elif name not in _UNSAID:
            yield name, value
