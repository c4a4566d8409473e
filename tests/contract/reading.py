"""Ways through the document, for the tests of its rules."""

from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from typing import Any

Json = dict[str, Any]


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
    starts = [operation[part] for _, operation in operations(document) if part in operation]
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
