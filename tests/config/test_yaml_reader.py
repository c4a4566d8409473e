"""YAML 1.2 with line numbers, with libyaml and with the parser in Python."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from service.config.yaml_reader import LOADERS, YamlError, YamlMapping, YamlSequence, parse

SCALARS = [
    "yes", "no", "on", "off", "y", "n", "true", "True", "TRUE", "false", "tRue", "~", "null", "Null", "",
    "0", "-1", "+1", "017", "0o17", "0x1F", "0b101", "1_000", "0o8", "08", "12:30", "190:20:30", "+",
    "1.5", "-1.5", "1.", ".5", "+.5", "1e3", "1.5e3", "1E-3", "1_0.5", ".inf", "-.inf", ".INF", ".", "..",
    "1.2.3", "50MiB", "600/minute", "eu-west-1", "a b", "a#b", "a #b", "'1'", '"no"', '"a\\nb"',
    "'<<'", "!!str 1", "!!int 0x10", "!!float 1", "!!float 1.5", "!!bool true", "!!null ~", "! 1",
    "|\n  a\n  b\n", ">-\n  a\n  b\n", "{a: 1, b: [x, 2]}", '{"a":1}', "[]", "{}", "nan", ".nan2",
]  # fmt: skip


@pytest.fixture(name="loader", params=LOADERS, ids=lambda each: each.__name__)
def _loader(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("text", SCALARS)
def test_a_scalar_is_read_as_ruamel_reads_it(text: str, loader: Any) -> None:
    document = f"a: {text}\n"
    expected = YAML(typ="safe", pure=True).load(document)
    found = parse(document, loader)
    assert found == expected
    assert type(found["a"]) in {type(expected["a"]), YamlMapping, YamlSequence}


@given(text=st.text("-+0123456789_.eExobtTrufFalsnNIi~: ", min_size=1, max_size=7))
def test_any_plain_scalar_is_read_as_ruamel_reads_it(text: str) -> None:
    document = f"[{text}]"
    try:
        expected = YAML(typ="safe", pure=True).load(document)
    except Exception:  # noqa: BLE001 - ruamel raises many types
        return
    try:
        found = parse(document)
    except YamlError:
        return
    assert repr(found) == repr(expected) or "_" in text


@pytest.mark.parametrize("text", ["demo", "notify", "'api'", "!!str demo"])
def test_equal_texts_are_one(text: str, loader: Any) -> None:
    one, other = parse(f"[{text}, {text}]", loader)
    assert one is other


def test_many_different_texts_are_read(loader: Any) -> None:
    texts = [f"text {number % 3000}" for number in range(4000)]
    assert parse("\n".join(f"- {text}" for text in texts), loader) == texts


@pytest.mark.parametrize(("depth", "is_read"), [(64, True), (65, False)])
def test_containers_are_nested_64_deep(depth: int, is_read: bool, loader: Any) -> None:
    text = f"{'[' * depth}{']' * depth}"
    if is_read:
        parse(text, loader)
    else:
        with pytest.raises(YamlError, match="nested too deeply"):
            parse(text, loader)


def test_keys_and_items_have_their_lines(loader: Any) -> None:
    found = parse("# a comment\na: 1\nb:\n  - x\n\n  - {c: 1,\n     d: 2}\n", loader)
    assert found.lines == {"a": 2, "b": 3}
    assert [*found["b"].lines] == [4, 6]
    assert found["b"][1].lines == {"c": 6, "d": 7}


def test_an_alias_is_its_anchors_value(loader: Any) -> None:
    assert parse("a: &x [1]\nb: *x\n", loader) == {"a": [1], "b": [1]}


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00Z"])
def test_a_time_is_text(text: str) -> None:
    assert parse(f"a: {text}") == {"a": text}


def test_an_empty_document_is_none(loader: Any) -> None:
    assert parse("# nothing\n", loader) is None


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 'found duplicate key "a"'),
        ("a: {b: 1, 'b': 2}\n", 1, 'found duplicate key "b"'),
        ("1: a\n0x1: b\n", 2, 'found duplicate key "1"'),
        ("a: *b\n", 1, "found undefined alias"),
        ("a: &a [*a]\n", 1, "found undefined alias"),
        ("a:\n\tb: 1\n", 2, "found character"),
        ("a: [\n", 2, ""),
        ("a: b: c\n", 1, "mapping values are not allowed"),
        ("a: 1\n---\nb: 1\n", 2, "expected a single document"),
        ("%YAML 1.1\n---\na: yes\n", 1, "write YAML 1.2"),
        ("? [a]\n: 1\n", 1, "a key must be a single value"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", 3, "YAML 1.2 has no `<<`; write the settings here"),
        ("a: !!bool x\n", 1, "not YAML that can be read"),
        ("a: !!python/name:os.system x\n", 1, "not YAML that can be read"),
        ("a: !secret x\n", 1, "not YAML that can be read"),
        ("a: !secret [x]\n", 1, "not YAML that can be read"),
        ("a: " + "9" * 5000, 1, "not YAML that can be read"),
        ("a: " + "[" * 100 + "]" * 100, 1, "nested too deeply"),
        ("a: " + "[" * 100_000, 1, ""),
        ("a: \0", None, "characters are not allowed"),
    ],
    ids=lambda each: str(each)[:20],
)  # fmt: skip
def test_an_error_has_its_line(text: str, line: int | None, problem: str, loader: Any) -> None:
    with pytest.raises(YamlError) as refused:
        parse(text, loader)
    assert refused.value.line == line
    assert problem in refused.value.problem
