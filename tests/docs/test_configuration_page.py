"""docs/configuration.md and presign.example.yaml have exactly the existing keys."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from service.config.durations import parse_duration
from tests.support.demo import ROOT
from tools import configuration_page
from tools.configuration_page import (
    BELOW,
    IN_A_TABLE,
    PAGE,
    SAME_KEYS,
    SCHEMA,
    SECTIONS,
    VARIABLES,
    page,
)

EXAMPLE: Final = (ROOT / "presign.example.yaml").read_text(encoding="utf-8")
# The variables of traces.py are OpenTelemetry's: docs/metrics.md has them.
SOURCES: Final = [
    path for path in sorted((ROOT / "service").glob("config/*.py")) if path.name != "traces.py"
]
# `# key: value`, and what is indented below it: keys that are commented out in the example.
_COMMENTED: Final = re.compile(r"^( *)# ( *(?:- )?[a-z_0-9]+:(?: .*)?)$")


def test_the_page_matches_the_settings() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make configuration`"


def test_every_settings_model_has_a_place() -> None:
    objects = {name for name, each in SCHEMA["$defs"].items() if each["type"] == "object"}
    assert objects == {*SECTIONS, *BELOW, *SAME_KEYS}


@pytest.mark.parametrize("key", ["package_index", "mlflow.roots", "git_lfs.repositories"])
def test_models_with_the_same_keys_share_a_section(key: str) -> None:
    assert f"\n| `{key}` | by name: [roots](#roots)" in PAGE.read_text(encoding="utf-8")


def test_each_key_below_another_is_in_the_same_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in (
        "encryption.algorithm",
        "cloudfront.keys.id",
        "arrivals.hooks.secret",
        "mcp.scopes",
    ):
        assert f"\n| `{name}` |" in text


def test_the_page_lists_exactly_the_environment_variables() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    assert set(re.findall(r'environ\.get\("(\w+)"', text)) == set(VARIABLES)
    # And twice for the names, for `${VAR}` and `${file:…}`, and for those of OpenTelemetry.
    assert text.count("os.environ") == len(VARIABLES) + 5


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.name
        for path in (ROOT / "service").rglob("*.py")
        if re.search(r"os\.(environ\b(?!\.(update|pop))|getenv)", path.read_text(encoding="utf-8"))
    }
    own = {"process.py", "server.py"}
    assert readers == {*own, "store.py", "endpoints.py"}  # the demo's; for its own process


def uncommented_text() -> str:
    """Return the example with all commented-out keys enabled."""
    return "\n".join(_COMMENTED.sub(r"\1\2", line) for line in EXAMPLE.splitlines())


def uncommented() -> Any:
    return YAML(typ="safe", pure=True).load(uncommented_text())


def keys(schema: Mapping[str, Any], document: Any) -> Iterator[tuple[str, str]]:
    """Yield each key of a document, with its model."""
    schema = resolved(schema)
    if "properties" in schema:
        for name, value in document.items():
            yield SAME_KEYS.get(schema["title"], schema["title"]), name
            yield from keys(schema["properties"].get(name, {}), value)
    elif "items" in schema:
        for value in document:
            yield from keys(schema["items"], value)
    elif "additionalProperties" in schema:
        for value in document.values():
            yield from keys(schema["additionalProperties"], value)


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    schema = choices[0] if choices else schema
    name = schema.get("$ref", "").rpartition("/")[2]
    return SCHEMA["$defs"][name] if name else schema


def every_key() -> Iterator[tuple[str, str]]:
    for model in [SCHEMA, *(SCHEMA["$defs"][name] for name in (*SECTIONS, *BELOW))]:
        yield from ((model["title"], name) for name in model["properties"])


def test_the_example_has_exactly_the_existing_keys() -> None:
    assert set(keys(SCHEMA, uncommented())) == set(every_key())


def test_defaults_in_the_example_are_the_defaults() -> None:
    shown = {**uncommented()["server"], **uncommented()["issuers"]["cluster-a"]}
    for section in ("ServerSettings", "IssuerSettings"):
        for name, key in SCHEMA["$defs"][section]["properties"].items():
            if key.get("default") is not None:
                assert in_seconds(shown[name]) == key["default"], name


def in_seconds(value: Any) -> Any:
    """Return a duration with its unit in seconds, and anything else as it is."""
    is_duration = isinstance(value, str) and re.fullmatch(r"\d+[smhd]", value)
    return parse_duration(value) if is_duration else value


@pytest.mark.parametrize("title", configuration_page.kinds())
def test_every_text_kind_on_the_page_is_used(title: str) -> None:
    # A tag's name and value share one cell, as text by name.
    is_shared = title in IN_A_TABLE
    words = title if is_shared else configuration_page.kinds()[title].removeprefix("write ")
    assert title in {"tag", "tag's value"} or re.search(
        rf"[|:] {re.escape(words)}(?:;[^|]*)? \|", PAGE.read_text(encoding="utf-8")
    )
