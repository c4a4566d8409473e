"""Messages about mistakes are for operators, whatever is written in place of a value."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, ByteSize, Field, ValidationError

from service.app.settings import Settings
from service.config.messages import Missing, describe
from service.config.quoting import Shown, quoted, safe_name
from service.config.types import Region, Section, Url
from tests.docs.test_configuration_page import uncommented

ODD: tuple[Any, ...] = ({}, ["a b"], 1.5, -1, True, "\0*", None, 10**30, float("inf"))
OF_PYTHON = ("Input", "tuple", "dict", "str", "NoneType", "pydantic", "instance", "Enum", "valid ")


def places(node: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(value, *path, key)


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = deepcopy(document)
    node = changed
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return changed


def refusals(document: Any) -> Iterator[str]:
    try:
        Settings.model_validate(document, context="offline")
    except ValidationError as invalid:
        yield from (describe(each, Settings) for each in invalid.errors(include_url=False))


@pytest.mark.slow
def test_no_message_is_in_words_of_python() -> None:
    example = uncommented()
    texts = {
        text
        for path in places(example)
        for odd in ODD
        for text in refusals(replaced(example, path, odd))
    }
    assert len(texts) > 100
    assert not [
        text
        for text in texts
        if any(re.search(rf"\b{word}", text.split(" (found")[0]) for word in OF_PYTHON)
    ]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """All models of settings below an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for argument in get_args(annotation):
        yield from models_in(argument)


def test_every_required_setting_says_what_to_write() -> None:
    required = [
        (model.__name__, name, [each for each in field.metadata if isinstance(each, Missing)])
        for model in {*models_in(Settings)}
        for name, field in model.model_fields.items()
        if field.is_required()
    ]
    assert len(required) > 25
    assert [(model, name) for model, name, said in required if len(said) != 1] == []


class Store(Section):
    url: Url
    region: Shown[Region | None] = None


class Wrong(Section):
    url: Shown[Url]
    stores: dict[str, Store] = Field(default_factory=dict)
    regions: Shown[tuple[Region, ...]] = ()


@pytest.mark.parametrize(
    ("document", "is_shown"),
    [
        ({"url": "a b"}, True),
        ({"url": "https://h", "regions": ["a b"]}, True),
        ({"url": "https://h", "stores": {"one": {"url": "a b"}}}, False),
        ({"url": "https://h", "stores": {"url": {"url": "https://h", "region": "a b"}}}, True),
        ({"url": "https://h", "stores": {"url": "a b"}}, False),
        ({"url": "https://h", "stores": "a b"}, False),
    ],
)
def test_only_a_marked_field_shows_its_value(document: Any, *, is_shown: bool) -> None:
    """Another field of the same name, such as `url`, may hold a secret."""
    with pytest.raises(ValidationError) as invalid:
        Wrong.model_validate(document)
    [text] = [describe(each, Wrong) for each in invalid.value.errors(include_url=False)]
    assert ('(found "a b")' in text) == is_shown


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("prefix", "prefix"),
        (7, 7),
        ("é", "é"),
        ("a\x1b[2J\n", "a\\u001b[2J\\n"),
        ("a\u202eb", "a\\u202eb"),
        ("x " * 90, f"{'x ' * 40}…"),
        ("ab" * 16, "…"),
        ("minio:hunter2@store.internal", "…"),
    ],
)
def test_a_places_part_is_short_and_in_one_line(part: str | int, text: str | int) -> None:
    assert safe_name(part) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("eu west", '"eu west"'),
        (False, "false"),
        ("a\nb", '"a\\nb"'),
        ("x y" * 40, f'"{("x y" * 40)[:80]}…"'),
        ("https://u:p@h", "a URL with a user or a query"),
        ("https://h/?token=1", "a URL with a user or a query"),
        ("minio:hunter2@10.0.0.1:9000", "a URL with a user or a query"),  # without a scheme
        ("https//:hunter2@h", "a URL with a user or a query"),
        ("mallory@example.com", '"mallory@example.com"'),
        ("repo:acme/x:ref:refs/tags/v1@2", '"repo:acme/x:ref:refs/tags/v1@2"'),
        ("AKIAIOSFODNN7EXAMPLE", "what looks like a key"),
        ("ab" * 16, "what looks like a key"),
    ],
)
def test_a_value_is_quoted_unless_it_may_be_secret(value: object, text: str) -> None:
    assert quoted(value) == text


def test_the_bound_of_a_size_has_a_unit_whatever_its_name() -> None:
    class OfDisks(Section):
        room: Shown[Annotated[ByteSize, Field(le=3 * 1024**2)] | None] = None
        rooms: list[Annotated[ByteSize, Field(ge=1024)]] = Field(default_factory=list)
        disks: Annotated[int, Field(le=3 * 1024**2)] = 0

    with pytest.raises(ValidationError) as refused:
        OfDisks.model_validate({"room": "5MiB", "rooms": [1], "disks": 1024**3})
    assert [describe(each, OfDisks) for each in refused.value.errors()] == [
        'write at most 3.0MiB (found "5MiB")',
        "write at least 1.0KiB",
        "write at most 3145728",
    ]
