"""The rules of `openapi.yaml`, checked on the document alone.

Most of them are there for generated clients: a validator does not object to a union, a default or
a null, but clients come out unusable, or break when the interface grows.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator, validate

Json = dict[str, Any]

# Whatever is not listed is forbidden: oneOf, anyOf, const, default, nullable, examples and the rest.
KEYWORDS = {
    *("$ref", "type", "format", "description"),
    *("properties", "required", "additionalProperties", "items", "enum", "pattern"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
}
TYPES = {"object", "array", "string", "integer", "boolean"}
# Never uri: clients would rewrite the URL, and break the signature.
FORMATS = {"integer": {"int32", "int64"}, "string": {"date-time"}}


def nodes(node: Any, pointer: str = "#") -> Iterator[tuple[str, Json]]:
    """Every object of the document, but not the values of examples."""
    if isinstance(node, dict):
        yield pointer, node
        for name, child in node.items():
            if name not in {"example", "examples"}:
                yield from nodes(child, f"{pointer}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from nodes(child, f"{pointer}/{index}")


def schemas(document: Json) -> Iterator[tuple[str, Json]]:
    for name, schema in document["components"]["schemas"].items():
        yield from schemas_within(schema, f"#/components/schemas/{name}")
    for pointer, node in nodes(document):
        if "schema" in node:
            yield from schemas_within(node["schema"], f"{pointer}/schema")


def schemas_within(schema: Json, pointer: str) -> Iterator[tuple[str, Json]]:
    yield pointer, schema
    for name, child in schema.get("properties", {}).items():
        yield from schemas_within(child, f"{pointer}/properties/{name}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from schemas_within(schema[keyword], f"{pointer}/{keyword}")


def resolve(document: Json, ref: str) -> Json:
    target: Json = reduce(
        lambda node, name: node[name], ref.removeprefix("#/").split("/"), document
    )
    return target


def reachable(document: Json, start: Any) -> dict[str, Json]:
    """Every component that `start` leads to, by its pointer."""
    found: dict[str, Json] = {}
    waiting = [start]
    while waiting:
        for _, node in nodes(waiting.pop()):
            ref = node.get("$ref")
            if ref and ref not in found:
                found[ref] = resolve(document, ref)
                waiting.append(found[ref])
    return found


def reachable_schemas(document: Json, part: str) -> dict[str, Json]:
    """The schemas of all requests (`requestBody`) or of all `responses`."""
    starts = [operation[part] for _, operation in operations(document)]
    found = reachable(document, starts)
    return {ref: node for ref, node in found.items() if ref.startswith("#/components/schemas/")}


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document["paths"].items():
        for operation in item.values():
            yield path, operation


def replies(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, operation in operations(document):
        for status, reply in operation["responses"].items():
            yield path, status, resolve(document, reply["$ref"]) if "$ref" in reply else reply


def examples(document: Json) -> Iterator[tuple[str, Json, Any]]:
    for pointer, node in nodes(document):
        if "example" in node:
            yield f"{pointer}/example", node["schema"], node["example"]
        for name, example in node.get("examples", {}).items():
            yield f"{pointer}/examples/{name}", node["schema"], example["value"]


def example_values(document: Json) -> Iterator[Json]:
    """Every object inside an example, so that those inside batches count too."""
    for _, _, value in examples(document):
        for _, node in nodes(value):
            yield node


def without_unknown_fields(document: Json) -> Json:
    closed = deepcopy(document)
    for _, schema in schemas(closed):
        if "properties" in schema:
            schema["additionalProperties"] = False
    return closed


# The document as a whole


def test_it_is_valid_as_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document, cls=OpenAPIV31SpecValidator)


def test_it_is_valid_as_openapi_3_0_with_the_version_line_changed(document: Json) -> None:
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


def test_schemas_use_only_keywords_that_mean_the_same_in_3_0_and_3_1(document: Json) -> None:
    strangers = {at: schema.keys() - KEYWORDS for at, schema in schemas(document)}
    assert {at: names for at, names in strangers.items() if names} == {}


def test_a_type_is_one_word_and_never_null(document: Json) -> None:
    types = {at: schema["type"] for at, schema in schemas(document) if "$ref" not in schema}
    assert {at: name for at, name in types.items() if str(name) not in TYPES} == {}


def test_formats_are_those_that_leave_a_value_as_it_is(document: Json) -> None:
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
    shape = "/v1(/[a-z]+(-[a-z]+)*)+"
    assert [path for path in document["paths"] if not re.fullmatch(shape, path)] == []


def test_operation_ids_are_lower_camel_and_unique(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert [name for name in ids if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []
    assert len(set(ids)) == len(ids)


def test_an_operation_has_the_tag_of_its_resource_and_no_other(document: Json) -> None:
    tags: dict[str, set[str]] = {}
    for path, operation in operations(document):
        (tag,) = operation["tags"]
        tags.setdefault(tag, set()).add(path.removesuffix("/batch"))
    assert {tag: paths for tag, paths in tags.items() if len(paths) > 1} == {}
    assert list(tags) == [tag["name"] for tag in document["tags"]]


def test_operations_have_a_summary_and_a_description(document: Json) -> None:
    assert [
        path for path, each in operations(document) if not each.keys() >= {"summary", "description"}
    ] == []


def test_a_batch_takes_what_the_single_call_takes(document: Json) -> None:
    def body(path: str) -> Json:
        content = document["paths"][path]["post"]["requestBody"]["content"]
        return resolve(document, content["application/json"]["schema"]["$ref"])

    for path in document["paths"]:
        if path.endswith("/batch"):
            items = body(path)["properties"]["items"]
            assert resolve(document, items["items"]["$ref"]) is body(path.removesuffix("/batch"))
            assert (items["minItems"], items["maxItems"]) == (1, 1000)


def test_every_operation_documents_the_same_statuses(document: Json) -> None:
    for path, operation in operations(document):
        assert operation["responses"].keys() == {"200", "429", "503", "4XX", "5XX"}, path


def test_every_failure_is_a_problem(document: Json) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, status, reply in replies(document):
        if status != "200":
            assert list(reply["content"]) == ["application/problem+json"], (path, status)
            assert reply["content"]["application/problem+json"]["schema"] == problem, (path, status)


def test_every_reply_carries_a_request_id(document: Json) -> None:
    assert [
        (path, status)
        for path, status, each in replies(document)
        if "X-Request-ID" not in each["headers"]
    ] == []


def test_who_is_told_to_wait_is_told_how_long(document: Json) -> None:
    for path, status, reply in replies(document):
        assert ("Retry-After" in reply["headers"]) == (status in {"429", "503"}), (path, status)


# Examples


def test_every_body_has_an_example(document: Json) -> None:
    bodies = [(path, operation["requestBody"]) for path, operation in operations(document)]
    bodies += [(f"{path} {status}", reply) for path, status, reply in replies(document)]
    assert [
        at for at, body in bodies for media in body["content"].values() if not media.get("examples")
    ] == []


def test_every_example_is_valid_and_has_no_unknown_field(document: Json) -> None:
    components = without_unknown_fields(document)["components"]
    for at, schema, value in examples(document):
        validator = Draft202012Validator(
            {**schema, "components": components},
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        assert [error.message for error in validator.iter_errors(value)] == [], at


def test_examples_are_checked_for_dates_and_unknown_fields(document: Json) -> None:
    components = without_unknown_fields(document)["components"]
    validator = Draft202012Validator(
        {"$ref": "#/components/schemas/PresignedRequest", "components": components},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    good = {
        "method": "GET",
        "url": "https://x/",
        "headers": {},
        "expires_at": "2026-03-01T12:15:00Z",
    }
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"expires_at": "tomorrow"})
    assert not validator.is_valid(good | {"limitd_by": "session"})


def test_an_example_is_signed_with_exactly_the_headers_it_tells_to_send(document: Json) -> None:
    for request in example_values(document):
        if "method" in request:
            query = parse_qs(urlsplit(request["url"]).query)
            also = {"host"} | ({"content-length"} if "content_length" in request else set())
            (signed,) = query["X-Amz-SignedHeaders"]
            assert signed.split(";") == sorted(request["headers"].keys() | also), request["url"]


def test_an_example_expires_when_it_says(document: Json) -> None:
    for request in example_values(document):
        if "method" in request:
            query = parse_qs(urlsplit(request["url"]).query)
            (date,), (seconds,) = query["X-Amz-Date"], query["X-Amz-Expires"]
            signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            expires_at = signed_at + timedelta(seconds=int(seconds))
            assert request["expires_at"] == f"{expires_at:%Y-%m-%dT%H:%M:%SZ}"


def test_an_example_of_a_batch_counts_its_failures(document: Json) -> None:
    for batch in example_values(document):
        if "results" in batch:
            assert [len(result) for result in batch["results"]] == [1] * len(batch["results"])
            assert batch["failed"] == sum("problem" in result for result in batch["results"])


def test_secrets_in_examples_are_made_up(document: Json) -> None:
    text = json.dumps([value for _, _, value in examples(document)])
    secrets = re.findall(
        '(?i)(?:x-amz-(?:credential|security-token|signature)|policy)(?:=|": ")([^&/%"]+)', text
    )
    assert secrets
    assert [secret for secret in secrets if not secret.endswith("EXAMPLE")] == []


# Problems


def problem_examples(document: Json) -> Iterator[tuple[str, Json]]:
    for _, status, reply in replies(document):
        for media in reply["content"].values():
            for example in media["examples"].values():
                if "code" in example["value"]:
                    yield status, example["value"]


def test_a_reply_of_one_status_shows_problems_of_that_status(document: Json) -> None:
    for status, problem in problem_examples(document):
        if status.isdigit():
            assert str(problem["status"]) == status, problem["code"]


def test_the_type_of_a_problem_is_made_of_its_code(document: Json) -> None:
    for problem in example_values(document):
        if "code" in problem:
            assert problem["type"] == f"urn:presign:problem:{problem['code']}"


def test_every_code_is_listed_explained_and_shown(document: Json) -> None:
    described = document["components"]["schemas"]["Problem"]["properties"]["code"]["description"]
    listed = set(re.findall("`([a-z_]+)`", described))
    explained = set(re.findall(r"\| \d{3} \| `([a-z_]+)` \|", document["info"]["description"]))
    shown = {problem["code"] for _, problem in problem_examples(document)}
    assert listed == explained == shown


def test_every_code_is_shown_with_the_status_the_table_gives_it(document: Json) -> None:
    table = re.findall(r"\| (\d{3}) \| `([a-z_]+)` \|", document["info"]["description"])
    statuses = {code: int(status) for status, code in table}
    for problem in example_values(document):
        if "code" in problem:
            assert problem["status"] == statuses[problem["code"]]
