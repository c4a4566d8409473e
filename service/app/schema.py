"""The JSON Schema of the configuration file, for editors: completion, descriptions and red lines.

Rules of this file:
- Editors read draft 7, in which a `$ref` hides what is next to it. So nothing is referred to: each
  section is where it is used, with its description.
- The schema refuses nothing that the service accepts, except numbers and booleans in quotes. It
  accepts more: only `presign check` compares settings with each other.
"""

import re
from typing import Any, Final, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from service.app.settings import Settings
from service.config.texts import Matching

Schema = dict[str, Any]

_NOTHING: Final = {"type": "null"}
_LIMITS: Final = {"ge": "minimum", "le": "maximum"}  # which pydantic leaves next to a choice
_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
# As pydantic's ByteSize reads it: 50MiB, 1.5 gb, 100k, 8 kbit
_SIZE: Final = r"^\s*\d*\.?\d+\s*(?:(?:[kKmMgGtTpPeE][iI]?)?[bB](?:[iI][tT])?|[kKmMgGtTpPeE])?\s*$"
_REFERENCE: Final = r"\$\{"  # in any value that is not a section or a list
_SCALARS: Final = frozenset({"boolean", "integer", "number"})


def configuration_schema() -> Schema:
    """Return the schema of `presign.yaml` in draft 7, without references."""
    schema = _with_shared_settings(_with_references(_settings_schema()))
    return {"$schema": _DIALECT, "title": "The configuration of presign", **schema}


def part_schema(section: Literal["callers", "buckets"]) -> Schema:
    """Return the schema of a file in `callers_dir` or `buckets_dir`, which has one section.

    A bucket need not have all its keys there: `bucket_defaults` are in another file.
    """
    # References are an error in a file of callers.
    whole = _settings_schema() if section == "callers" else configuration_schema()
    own = whole["properties"][section]
    own = {name: each for name, each in own.items() if name != "minProperties"}
    return {
        "$schema": _DIALECT,
        "title": f"The `{section}` of presign, in a file of `{section}_dir`",
        "type": ["object", "null"],
        "properties": {section: {**own, "type": [own["type"], "null"]}},
        "required": [section],
        "additionalProperties": False,
    }


def _settings_schema() -> Schema:
    generated = Settings.model_json_schema(schema_generator=_Generator)
    definitions = generated.pop("$defs")
    return _readable(generated, definitions)


class _Generator(GenerateJsonSchema):
    """Adds what pydantic does not know of our types: patterns, their messages, and units."""

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        generated = super().function_after_schema(schema)
        check = schema["function"]["function"]
        if isinstance(check, Matching):
            # Editors show this message in place of the pattern.
            whole = f"^(?:{check.pattern.pattern})$"
            pattern = {"pattern": whole, "patternErrorMessage": check.message}
            return {**generated, **pattern}
        return generated

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Keep the pattern of names apart from the values: a wrong name is an error."""
        names = self.generate_inner(schema["keys_schema"])
        values = self.generate_inner(schema["values_schema"])
        generated = {"type": "object", "propertyNames": names, "additionalProperties": values}
        self.update_with_validations(generated, schema, self.ValidationsMapping.object)
        return generated

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        generated = super().union_schema(schema)
        if schema.get("custom_error_type") != "byte_size":
            return generated
        text = {"type": "string", "pattern": _SIZE, "examples": ["50MiB", "5GiB"]}
        return {"anyOf": [text, {"type": "integer", "minimum": 0}]}


def _readable(schema: Schema, definitions: Schema) -> Schema:
    """Return the schema without references, titles, and choices that are only `or nothing`."""
    schema = dict(schema)
    if (reference := schema.pop("$ref", None)) is not None:
        schema = {**definitions[reference.rpartition("/")[2]], **schema}
    schema.pop("title", None)
    if "description" in schema:
        schema["description"] = _plain(schema["description"])
    if schema.get("default", ...) in (None, [], {}):
        del schema["default"]
    for word, each in schema.items():
        if word == "properties":
            schema[word] = {name: _readable(inner, definitions) for name, inner in each.items()}
        elif word in {"items", "additionalProperties", "propertyNames"} and isinstance(each, dict):
            schema[word] = _readable(each, definitions)
    if "anyOf" in schema:
        choices = [_readable(each, definitions) for each in schema.pop("anyOf")]
        schema = _merged(choices, schema)
    return schema


def _merged(choices: list[Schema], around: Schema) -> Schema:
    """Return one schema of a value that may also be empty, and `anyOf` for real alternatives."""
    values = [choice for each in choices for choice in each.get("anyOf", [each])]
    limits = {to: around.pop(at) for at, to in _LIMITS.items() if at in around}
    values = [{**each, **limits} if each.get("type") == "integer" else each for each in values]
    if len(values) != 2 or _NOTHING not in values:
        return {"anyOf": values, **around}
    [value] = [each for each in values if each != _NOTHING]
    optional = {**value, **around, "type": [value["type"], "null"]}
    return optional if "enum" not in value else {**optional, "enum": [*value["enum"], None]}


def _with_references(schema: Schema) -> Schema:
    """Return the schema of values that may also be or contain `${VAR}` or `${file:/path}`."""
    schema = dict(schema)
    for word, each in schema.items():
        if word == "properties":
            schema[word] = {name: _with_references(inner) for name, inner in each.items()}
        elif word in {"items", "additionalProperties"} and isinstance(each, dict):
            schema[word] = _with_references(each)
        elif word == "anyOf":
            schema[word] = [*map(_with_references, each)]
    if "enum" in schema:
        choice = {word: schema.pop(word) for word in ("type", "enum")}
        return {**schema, "anyOf": [choice, {"type": "string", "pattern": _REFERENCE}]}
    if "pattern" in schema:
        return {**schema, "pattern": f"{schema['pattern']}|{_REFERENCE}"}
    types = schema.get("type", ())
    names = [types] if isinstance(types, str) else [*types]
    if _SCALARS.isdisjoint(names):
        return schema
    return {**schema, "type": [*names, "string"], "pattern": _REFERENCE}


def _with_shared_settings(schema: Schema) -> Schema:
    """Return the schema in which `bucket_defaults` and `buckets_dir` have what buckets need."""
    bucket = schema["properties"]["buckets"]["additionalProperties"]
    needed = {"type": bucket["type"], "required": bucket.pop("required")}
    bucket["type"] = ["object", "null"]
    del schema["required"]
    return {
        **schema,
        "anyOf": [{"required": ["buckets"]}, {"required": ["buckets_dir"]}],
        "if": {"required": ["bucket_defaults"]},
        "else": {"properties": {"buckets": {"additionalProperties": needed}}},
    }


def _plain(description: str) -> str:
    """Return a docstring in one line a paragraph, with the text of its links."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", description)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)
