"""The rules of `openapi.yaml`, checked on the document alone.

Most of them are there for generated clients: a validator does not object to a union or a null, but
clients come out unusable, or break when the interface grows.
"""

import importlib
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.contract.reading import (
    Json,
    nodes,
    operations,
    reachable,
    reachable_schemas,
    replies,
    resolve,
    schemas,
    schemas_within,
)

# Whatever is not listed is forbidden: oneOf, anyOf, const, nullable, examples and the rest.
KEYWORDS = {
    *("$ref", "type", "format", "description"),
    *("properties", "required", "additionalProperties", "items", "enum", "pattern"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default"),
}
TYPES = {"object", "array", "string", "integer", "boolean"}
NAMED = re.compile("#/components/schemas/[^/]+")
# Never uri: clients would rewrite the URL, and break the signature.
FORMATS = {"integer": {"int32", "int64"}, "string": {"date-time"}}


# The document as a whole


@pytest.fixture(name="validator")
def _validator() -> Any:
    """Imported here, since it takes 1.4 s: each worker collects this module."""
    return importlib.import_module("openapi_spec_validator")


def test_it_is_valid_as_openapi_3_1(document: Json, validator: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    validator.validate(document, cls=validator.OpenAPIV31SpecValidator)


def test_it_is_also_valid_as_openapi_3_0(document: Json, validator: Any) -> None:
    older = document | {"openapi": "3.0.3"}
    validator.validate(older, cls=validator.OpenAPIV30SpecValidator)


def test_it_is_the_same_as_json(document: Json) -> None:
    # An unquoted 200 or date of YAML would not be.
    assert json.loads(json.dumps(document)) == document


def test_every_reference_resolves(document: Json) -> None:
    refs = {node["$ref"] for _, node in nodes(document) if "$ref" in node}
    assert {ref for ref in refs if not ref.startswith("#/components/")} == set()
    for ref in refs:
        assert resolve(document, ref)


def test_a_reference_stands_alone(document: Json) -> None:
    assert [at for at, node in nodes(document) if "$ref" in node and len(node) > 1] == []


def test_every_component_is_used(document: Json) -> None:
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in document["components"].items()
        for name in named
    }
    scheme = "#/components/securitySchemes/bearer"  # named below `security`
    assert components == reachable(document, document["paths"]).keys() | {scheme}


def test_a_bearer_token_is_the_only_way_in(document: Json) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert document["security"] == [{"bearer": []}]
    assert [path for path, operation in operations(document) if "security" in operation] == []


# Schemas

SCHEMA_RULES: Final[dict[str, Callable[[str, Json], bool]]] = {
    "it uses only portable keywords": lambda _, schema: schema.keys() <= KEYWORDS,
    "a type is one word and never null": lambda _, schema: (
        "$ref" in schema or str(schema["type"]) in TYPES
    ),
    "only formats that keep the value are used": lambda _, schema: (
        "format" not in schema or schema["format"] in FORMATS.get(schema["type"], ())
    ),
    "an object or enum has a name": lambda at, schema: (
        not (schema.get("type") == "object" or "enum" in schema) or NAMED.fullmatch(at) is not None
    ),
    "a map is the shared string map": lambda at, schema: (
        not isinstance(schema.get("additionalProperties"), dict)
        or at == "#/components/schemas/StringMap"
    ),
    "properties are snake case": lambda _, schema: all(
        re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in schema.get("properties", ())
    ),
    "required properties exist": lambda _, schema: (
        set(schema.get("required", ())) <= schema.get("properties", {}).keys()
    ),
    # The regular expressions of Go and Rust cannot.
    "a pattern does not look around": lambda _, schema: "(?" not in schema.get("pattern", ""),
    "an integer states format and range": lambda _, schema: (
        schema.get("type") != "integer" or schema.keys() >= {"format", "minimum", "maximum"}
    ),
    "an int32 is in its range": lambda _, schema: (
        schema.get("format") != "int32" or schema["maximum"] < 2**31
    ),
    # openapi-python-client does not know a list's.
    "a default is of a plain type": lambda _, schema: (
        "default" not in schema or schema["type"] in {"boolean", "integer", "string"}
    ),
    "a required property has no default": lambda _, schema: (
        not any("default" in schema["properties"][name] for name in schema.get("required", ()))
    ),
    "a property is described": lambda at, schema: (
        "/properties/" not in at or not schema.keys().isdisjoint({"description", "$ref"})
    ),
}


@pytest.mark.parametrize("rule", SCHEMA_RULES)
def test_every_schema_keeps_the_rule(document: Json, rule: str) -> None:
    holds = SCHEMA_RULES[rule]
    assert [at for at, schema in schemas(document) if not holds(at, schema)] == []


def test_no_value_is_in_two_enums(document: Json) -> None:
    # Go's constants would clash.
    counts = Counter(value for _, schema in schemas(document) for value in schema.get("enum", ()))
    assert {value for value, count in counts.items() if count > 1} == set()


def test_requests_bound_strings_and_arrays(document: Json) -> None:
    bounds = {"string": {"minLength", "maxLength"}, "array": {"minItems", "maxItems"}}
    unbounded = [
        f"{ref}/{name}"
        for ref, schema in reachable_schemas(document, "requestBody").items()
        for name, field in schema.get("properties", {}).items()
        if not field.keys() >= bounds.get(field.get("type"), set())
    ]
    # A key is bounded in bytes, which no schema counts, and judged item by item in a batch.
    assert {place.rpartition("/")[2] for place in unbounded} == {"key", "prefix", "key_prefix"}


def test_requests_refuse_unknown_fields(document: Json) -> None:
    requests = reachable_schemas(document, "requestBody").items()
    objects = {ref: schema for ref, schema in requests if "properties" in schema}
    assert {
        ref for ref, each in objects.items() if each.get("additionalProperties") is not False
    } == set()


def test_responses_may_grow(document: Json) -> None:
    for ref, schema in reachable_schemas(document, "responses").items():
        assert "enum" not in schema, ref
        if "properties" in schema:
            assert "additionalProperties" not in schema, ref
            assert "Clients ignore fields they do not know" in schema["description"], ref


# Operations


def test_paths_are_kebab_case_under_v1(document: Json) -> None:
    shape = r"/v1(/[a-z]+(-[a-z]+)*(/\{[a-z]+(_[a-z]+)*\})?)+"
    assert [path for path in document["paths"] if not re.fullmatch(shape, path)] == []


def test_operation_ids_are_lower_camel_and_unique(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert [name for name in ids if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []
    assert len(set(ids)) == len(ids)


def test_an_operation_has_the_tag_of_its_resource_only(document: Json) -> None:
    tags: dict[str, set[str]] = {}
    for path, operation in operations(document):
        (tag,) = operation["tags"]
        tags.setdefault(tag, set()).add(path.partition("/{")[0].removesuffix("/batch"))
    assert {tag: paths for tag, paths in tags.items() if len(paths) > 1} == {}
    assert list(tags) == [tag["name"] for tag in document["tags"]]


def test_a_post_has_a_body_and_no_other_method(document: Json) -> None:
    # Clients and proxies may drop the body of a GET or a DELETE.
    methods = {
        (method, "requestBody" in operation)
        for item in document["paths"].values()
        for method, operation in item.items()
    }
    assert methods == {("post", True), ("get", False), ("delete", False)}


def test_a_batch_takes_what_the_single_call_takes(document: Json) -> None:
    def body(path: str) -> Json:
        content = document["paths"][path]["post"]["requestBody"]["content"]
        return resolve(document, content["application/json"]["schema"]["$ref"])

    for path in document["paths"]:
        if path.endswith("/batch"):
            items = body(path)["properties"]["items"]
            single = body(path.removesuffix("/batch"))
            assert resolve(document, items["items"]["$ref"]) is single
            has_keys = (
                "keys" in body(path)["properties"]
            )  # a PUT is for one size: uploads have none
            assert (items["minItems"], items["maxItems"]) == (0 if has_keys else 1, 1000)
            if has_keys:
                shared = body(path)["properties"].keys() - {"items", "keys"}
                assert shared == single["properties"].keys() - {"key"}


def test_every_operation_is_described_with_one_success_and_the_same_failures(
    document: Json,
) -> None:
    successes = {
        "createMultipartUpload": "201",
        "abortMultipartUpload": "204",
        "createLink": "201",
        "revokeLink": "204",
    }
    for path, operation in operations(document):
        assert operation.keys() >= {"summary", "description"}, path
        success = successes.get(operation["operationId"], "200")
        assert operation["responses"].keys() == {success, "429", "503", "4XX", "5XX"}, path


def test_parameters_are_described_and_required_except_those_of_a_list(document: Json) -> None:
    found = [operation.get("parameters", []) for _, operation in operations(document)]
    parameters = [parameter for each in found for parameter in each]
    assert all(each["description"] for each in parameters)
    assert {(each["in"], each["name"], each["required"]) for each in parameters} == {
        ("path", "link_id", True),
        ("path", "upload_id", True),
        ("query", "bucket", True),
        ("query", "key", True),
        ("query", "prefix", False),
        ("query", "delimiter", False),
        ("query", "after", False),
    }


def test_every_parameter_has_an_example(document: Json) -> None:
    found = [
        each for _, operation in operations(document) for each in operation.get("parameters", [])
    ]
    assert [each["name"] for each in found if "example" not in each] == []


def test_a_default_is_of_a_request_and_in_words_too(document: Json) -> None:
    """A client adds the default of an answer's field to an answer without it."""
    for ref, schema in reachable_schemas(document, "responses").items():
        assert [each for _, each in schemas_within(schema, ref) if "default" in each] == [], ref
    for at, schema in schemas(document):
        if "default" in schema and "/parameters/" not in at:
            said = rf"Default: `?{json.dumps(schema['default'])}`?[.;,]"
            assert re.search(said, schema["description"]), at


def test_only_204_has_no_body(document: Json) -> None:
    bare = [status for _, status, reply in replies(document) if "content" not in reply]
    assert set(bare) == {"204"}


def test_every_failure_is_a_problem(document: Json) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, status, reply in replies(document):
        if not status.startswith("2"):
            [(media_type, content)] = reply["content"].items()
            assert media_type == "application/problem+json", (path, status)
            assert content["schema"] == problem, (path, status)


def test_every_reply_has_a_request_id_and_only_429_and_503_retry_after(document: Json) -> None:
    for path, status, reply in replies(document):
        assert "X-Request-ID" in reply["headers"], (path, status)
        assert ("Retry-After" in reply["headers"]) == (status in {"429", "503"}), (path, status)
