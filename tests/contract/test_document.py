"""The rules of `openapi.yaml`, checked on the document alone.

Most of them are there for generated clients: a validator does not object to a union, a default or
a null, but clients come out unusable, or break when the interface grows.
"""

import json
import re
from collections import Counter

from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator, validate

from tests.contract.reading import (
    Json,
    nodes,
    operations,
    reachable,
    reachable_schemas,
    replies,
    resolve,
    schemas,
)

# Whatever is not listed is forbidden: oneOf, anyOf, const, default, nullable, examples and the rest.
KEYWORDS = {
    *("$ref", "type", "format", "description"),
    *("properties", "required", "additionalProperties", "items", "enum", "pattern"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
}
TYPES = {"object", "array", "string", "integer", "boolean"}
# Never uri: clients would rewrite the URL, and break the signature.
FORMATS = {"integer": {"int32", "int64"}, "string": {"date-time"}}


# The document as a whole


def test_it_is_valid_as_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document, cls=OpenAPIV31SpecValidator)


def test_it_is_also_valid_as_openapi_3_0(document: Json) -> None:
    validate(document | {"openapi": "3.0.3"}, cls=OpenAPIV30SpecValidator)


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
    schemes = {
        f"#/components/securitySchemes/{name}"
        for requirement in document["security"]
        for name in requirement
    }
    assert components == reachable(document, document["paths"]).keys() | schemes


def test_a_bearer_token_is_the_only_way_in(document: Json) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert document["security"] == [{"bearer": []}]
    assert [path for path, operation in operations(document) if "security" in operation] == []


# Schemas


def test_schemas_use_only_portable_keywords(document: Json) -> None:
    strangers = {at: schema.keys() - KEYWORDS for at, schema in schemas(document)}
    assert {at: names for at, names in strangers.items() if names} == {}


def test_a_type_is_one_word_and_never_null(document: Json) -> None:
    types = {at: schema["type"] for at, schema in schemas(document) if "$ref" not in schema}
    assert {at: name for at, name in types.items() if str(name) not in TYPES} == {}


def test_only_formats_that_keep_the_value_are_used(document: Json) -> None:
    formats = [
        (at, schema["type"], schema["format"])
        for at, schema in schemas(document)
        if "format" in schema
    ]
    assert [each for each in formats if each[2] not in FORMATS.get(each[1], ())] == []


def test_every_object_and_enum_has_a_name(document: Json) -> None:
    named = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    anonymous = [
        at
        for at, schema in schemas(document)
        if (schema.get("type") == "object" or "enum" in schema) and at not in named
    ]
    assert anonymous == []


def test_no_value_is_in_two_enums(document: Json) -> None:
    # Go's constants would clash.
    counts = Counter(value for _, schema in schemas(document) for value in schema.get("enum", ()))
    assert {value for value, count in counts.items() if count > 1} == set()


def test_a_map_is_the_shared_string_map(document: Json) -> None:
    maps = [
        at
        for at, schema in schemas(document)
        if isinstance(schema.get("additionalProperties"), dict)
    ]
    assert maps == ["#/components/schemas/StringMap"]


def test_properties_are_snake_case(document: Json) -> None:
    names = {name for _, schema in schemas(document) for name in schema.get("properties", ())}
    assert {name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)*", name)} == set()


def test_required_properties_exist(document: Json) -> None:
    missing = {
        at: set(schema.get("required", ())) - schema.get("properties", {}).keys()
        for at, schema in schemas(document)
    }
    assert {at: names for at, names in missing.items() if names} == {}


def test_patterns_do_not_look_around(document: Json) -> None:
    # The regular expressions of Go and Rust cannot.
    assert [at for at, schema in schemas(document) if "(?" in schema.get("pattern", "")] == []


def test_integers_state_format_and_range(document: Json) -> None:
    wanted = {"format", "minimum", "maximum"}
    integers = [(at, schema) for at, schema in schemas(document) if schema.get("type") == "integer"]
    assert [at for at, schema in integers if not schema.keys() >= wanted] == []
    too_wide = [
        at
        for at, schema in integers
        if schema["format"] == "int32" and schema["maximum"] > 2**31 - 1
    ]
    assert too_wide == []


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
    requests = reachable_schemas(document, "requestBody")
    assert [
        ref
        for ref, schema in requests.items()
        if "properties" in schema and schema.get("additionalProperties") is not False
    ] == []


def test_responses_may_grow(document: Json) -> None:
    responses = reachable_schemas(document, "responses")
    objects = {ref: schema for ref, schema in responses.items() if "properties" in schema}
    assert [ref for ref, schema in objects.items() if "additionalProperties" in schema] == []
    assert [ref for ref, schema in responses.items() if "enum" in schema] == []
    assert [
        ref
        for ref, schema in objects.items()
        if "Clients ignore fields they do not know" not in schema["description"]
    ] == []


def test_every_property_is_described(document: Json) -> None:
    assert [
        at
        for at, schema in schemas(document)
        if "/properties/" in at and not schema.keys() & {"description", "$ref"}
    ] == []


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


def test_operations_have_a_summary_and_a_description(document: Json) -> None:
    assert [
        path for path, each in operations(document) if not each.keys() >= {"summary", "description"}
    ] == []


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
            assert resolve(document, items["items"]["$ref"]) is body(path.removesuffix("/batch"))
            assert (items["minItems"], items["maxItems"]) == (1, 1000)


def test_every_operation_has_one_success_and_the_same_failures(document: Json) -> None:
    successes = {
        "createMultipartUpload": "201",
        "abortMultipartUpload": "204",
        "createLink": "201",
        "endLink": "204",
    }
    for path, operation in operations(document):
        success = successes.get(operation["operationId"], "200")
        assert operation["responses"].keys() == {success, "429", "503", "4XX", "5XX"}, path


def test_only_204_has_no_body(document: Json) -> None:
    bare = [status for _, status, reply in replies(document) if "content" not in reply]
    assert set(bare) == {"204"}


def test_parameters_are_required_and_described(document: Json) -> None:
    parameters = [
        parameter
        for _, operation in operations(document)
        for parameter in operation.get("parameters", [])
    ]
    assert parameters
    assert all(each["required"] and each["description"] for each in parameters)
    assert {(each["in"], each["name"]) for each in parameters} == {
        ("path", "link_id"),
        ("path", "upload_id"),
        ("query", "bucket"),
        ("query", "key"),
    }


def test_every_failure_is_a_problem(document: Json) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, status, reply in replies(document):
        if not status.startswith("2"):
            assert list(reply["content"]) == ["application/problem+json"], (path, status)
            assert reply["content"]["application/problem+json"]["schema"] == problem, (path, status)


def test_every_reply_carries_a_request_id(document: Json) -> None:
    assert [
        (path, status)
        for path, status, each in replies(document)
        if "X-Request-ID" not in each["headers"]
    ] == []


def test_only_429_and_503_have_retry_after(document: Json) -> None:
    for path, status, reply in replies(document):
        assert ("Retry-After" in reply["headers"]) == (status in {"429", "503"}), (path, status)
