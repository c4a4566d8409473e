"""The JSON Schema of the configuration: what editors accept and underline."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema_rs import Draft7Validator, meta
from pydantic import TypeAdapter

from service.app.schema import configuration_schema, part_schema
from service.app.settings import Settings, load_settings
from service.config import types
from service.config.yaml_reader import parse
from tests.cli.invoking import DIGEST, GOOD
from tests.docs.documents import Block, blocks
from tests.docs.test_configuration_page import uncommented_text
from tests.support.demo import ROOT
from tools import configuration_page
from tools.site_tree import PAGES

SCHEMA: Final = configuration_schema()
# Pages show single sections, and files of `buckets_dir`: other files have the rest.
PART: Final = {name: each for name, each in SCHEMA.items() if name not in {"anyOf", "if", "else"}}
FILES: Final = sorted(
    str(path.relative_to(ROOT))
    for path in [
        *ROOT.glob("*.yaml"),
        *ROOT.glob("deploy/**/*.yaml"),
        *ROOT.glob("examples/*.yaml"),
    ]
    if re.search(r"^buckets:", path.read_text(encoding="utf-8"), re.MULTILINE)
)


def mistakes(schema: dict[str, Any], document: Any) -> list[str]:
    plain = json.loads(json.dumps(document))  # the nodes of YAML know their lines
    return [str(each) for each in Draft7Validator(schema).iter_errors(plain)]


def configurations_of(page: str) -> Iterator[tuple[str, Any]]:
    """Yield the blocks of a page whose keys are all settings, with their place."""
    for block in blocks(page):
        document = parse(block.text) if block.language == "yaml" else None
        if isinstance(document, dict) and set(document) <= set(Settings.model_fields):
            yield block.place, document


SHOWN: Final = dict(each for page in PAGES for each in configurations_of(page))


def test_the_published_file_is_what_the_command_prints() -> None:
    published = (ROOT / "presign.schema.json").read_text(encoding="utf-8")
    assert published == json.dumps(SCHEMA, indent=2) + "\n", "run `make configuration`"


def test_it_is_a_valid_schema_without_references() -> None:
    meta.validate(SCHEMA)
    assert not re.search(r'"\$(?:ref|defs)"|\w\]\(\w', json.dumps(SCHEMA))
    assert SCHEMA["properties"]["callers"]["items"]["additionalProperties"] is False


def test_the_example_names_the_schema_in_its_first_line() -> None:
    first, _, _ = (ROOT / "presign.example.yaml").read_text(encoding="utf-8").partition("\n")
    assert first == "# yaml-language-server: $schema=./presign.schema.json"


def test_every_key_has_a_description() -> None:
    def keys(schema: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(schema, dict):
            yield from schema.get("properties", {}).items()
            for inner in schema.values():
                yield from keys(inner)
        elif isinstance(schema, list):
            for inner in schema:
                yield from keys(inner)

    described = [*keys({name: each for name, each in SCHEMA.items() if name != "else"})]
    assert len(described) > 60
    assert [name for name, each in described if not each.get("description")] == []


@pytest.mark.parametrize("name", FILES)
def test_every_configuration_file_validates(name: str) -> None:
    assert mistakes(SCHEMA, parse((ROOT / name).read_text(encoding="utf-8"))) == []


def test_the_example_validates_with_every_key_uncommented() -> None:
    assert len(FILES) >= 4
    assert mistakes(SCHEMA, parse(uncommented_text())) == []


@pytest.mark.parametrize("place", SHOWN)
def test_every_configuration_on_the_pages_validates(place: str) -> None:
    assert mistakes(PART, SHOWN[place]) == []


@pytest.mark.parametrize("title", configuration_page.kinds())
def test_the_examples_of_a_text_are_valid(title: str) -> None:
    alias = next(alias for alias in vars(types).values() if f"title={title!r}" in repr(alias))
    [examples] = [
        each.examples for each in alias.__metadata__ if getattr(each, "title", None) == title
    ]
    assert examples
    for example in examples:
        if title != "path of certificates":  # it would have to exist
            TypeAdapter(alias).validate_python(example)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("region:", "regoin:"),
        ("region: eu-west-1, ", ""),
        ("eu-west-1", "EU"),
        ("region: eu-west-1", "region: 1"),
        ("arn:aws:iam::111122223333:role/presign", "arn:aws:s3:::presign"),
        ("region: eu-west-1", "region: eu-west-1, credentials: web-identity"),
        ("region: eu-west-1", "region: eu-west-1, session_seconds: 999999"),
        ("region: eu-west-1", "region: eu-west-1, fips: 'on'"),
        ("region: eu-west-1", "region: eu-west-1, encryption: {kms_key_id: a}"),
        ("reports:", "'my reports':"),
        (DIGEST, DIGEST.upper()),
        (f"[{DIGEST}]", DIGEST),
        (f"[{DIGEST}]", "[]"),
        (f"[{DIGEST}]", f"[{DIGEST}, {DIGEST}, {DIGEST}]"),
        ("[download, upload]", "[read, write]"),
        ("[download, upload]", "download"),
        ("[download, upload]", "[]"),
        ("max_expires_in: 900", "max_expire_in: 900"),
        ("max_expires_in: 900", "max_expires_in: 0"),
        ("max_expires_in: 900", "max_expires_in: soon"),
        ("max_expires_in: 900", "max_content_length: 5 gigs"),
        ("max_expires_in: 900", "max_content_length: -1"),
        ("max_expires_in: 900", "content_types: [pdf]"),
        ("prefix: invoices/, ", ""),
        ("callers:", "caller:"),
        ("\nbuckets:", "\nlinks: {store_url: 'memory://'}\nbuckets:"),
        ("\nbuckets:", "\nserver: {log_level: LOUD}\nbuckets:"),
        ("\nbuckets:", "\nobjects: {expire_in: 1}\nbuckets:"),
    ],
)  # fmt: skip
def test_a_mistake_does_not_validate(old: str, new: str) -> None:
    assert mistakes(SCHEMA, parse(GOOD)) == []
    assert GOOD.replace(old, new, 1) != GOOD
    assert mistakes(SCHEMA, parse(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    "line",
    [
        "max_content_length: 50MiB",
        "max_content_length: 1.5 gb",
        "max_content_length: 100k",
        "max_content_length: 1048576",
        "max_content_length:",
        "content_types: null",
    ],
)
def test_what_the_service_accepts_validates(line: str) -> None:
    document = parse(GOOD.replace("max_expires_in: 900", line.replace(":", ": ", 1)))
    Settings.model_validate(document)
    assert mistakes(SCHEMA, document) == []


@pytest.mark.parametrize("sections", ["objects: false", "objects: true", "callers_dir:"])
def test_short_forms_of_sections_validate(sections: str) -> None:
    assert mistakes(SCHEMA, parse(f"{GOOD}{sections}\n")) == []


@pytest.mark.parametrize(
    "reference",
    ["region: '${REGION}'", "fips: '${FIPS:-true}'", "session_seconds: '${file:/s}'",
     "credentials: '${HOW}'", "bucket: 'acme-${STAGE}'"],
)  # fmt: skip
def test_a_reference_validates_in_place_of_any_value(reference: str) -> None:
    region = "" if reference.startswith("region") else "region: eu-west-1, "
    document = f"buckets: {{reports: {{{region}{reference}}}}}"
    assert mistakes(SCHEMA, parse(document)) == []
    assert mistakes(SCHEMA, parse(document.replace("${", "("))) or "bucket" in reference


@pytest.mark.parametrize(
    ("document", "is_valid"),
    [
        ("buckets_dir: buckets.d", True),
        ("bucket_defaults: {region: eu-west-1}\nbuckets: {reports: , photos: {fips: true}}", True),
        ("bucket_defaults: {bucket: acme}\nbuckets: {reports: }", False),
        ("buckets: {reports: }", False),
        ("callers: []", False),
        (f"{GOOD}grant_sets: {{readers: [{{bucket: reports, prefix: a/, allow: [list]}}]}}", True),
        (f"{GOOD}grant_sets: {{readers: {{bucket: reports, prefix: a/, allow: [list]}}}}", False),
    ],
)
def test_shared_settings_have_what_buckets_and_callers_need(
    document: str, *, is_valid: bool
) -> None:
    assert (mistakes(SCHEMA, parse(document)) == []) is is_valid


OF_BUCKETS: Final = [
    "buckets: {archive: {role_arn: null, credentials: static, endpoint_url: 'https://a.internal'}}",
    "buckets: {archive: , photos: {region: '${REGION:-eu-west-1}'}}",
    *("buckets: {}", "buckets:", "# none yet"),
]
OF_CALLERS: Final = [
    f"callers: [{{api_key: a, sha256: [{DIGEST}], grants: readers}}]",
    f"callers: [{{api_key: a, sha256: [{DIGEST}], not_after: 2030-01-01T00:00:00Z}}]",
    *("callers: []", "callers:", "# none yet"),
]


def section_of(text: str) -> Any:
    return "buckets" if text in OF_BUCKETS else "callers"


@pytest.mark.parametrize("text", [*OF_BUCKETS, *OF_CALLERS])
def test_a_teams_file_that_the_service_accepts_validates(tmp_path: Path, text: str) -> None:
    section = section_of(text)
    shared = (
        "bucket_defaults: {region: eu-west-1, role_arn: 'arn:aws:iam::111122223333:role/presign'}\n"
        "grant_sets: {readers: []}\n"
        "buckets: {reports: }\n"
    )
    team = tmp_path / "teams" / "a.yaml"
    team.parent.mkdir()
    team.write_text(text)
    (tmp_path / "presign.yaml").write_text(f"{shared}{section}_dir: teams\n")
    load_settings(tmp_path / "presign.yaml")
    assert mistakes(part_schema(section), parse(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "buckets: {a: {regoin: eu-west-1}}",
        "buckets: {a: {region: EU}}",
        "buckets: {'a b': {region: eu-west-1}}",
        "buckets: {}\ncallers: []",
        "callers: []",
        "- a",
    ],
)
def test_a_mistake_in_a_file_of_buckets_does_not_validate(text: str) -> None:
    assert mistakes(part_schema("buckets"), parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "callers: [{api_key: a, sha265: []}]",
        "callers: [{api_key: '${NAME}'}]",
        "callers: [{api_key: a, rate_limit: 5, grants: [{bucket: '${BUCKET}'}]}]",
        "callers: {a: {}}",
        "callers: []\nissuers: {}",
        "buckets: {}",
    ],
)
def test_a_mistake_in_a_file_of_callers_does_not_validate(text: str) -> None:
    assert mistakes(part_schema("callers"), parse(text))


def test_the_files_of_teams_on_the_pages_validate() -> None:
    shown = [each for page in PAGES for each in blocks(page) if each.language == "yaml"]
    files: dict[Any, list[Block]] = {
        section: [each for each in shown if f"# {section}.d/" in each.text]
        for section in ("buckets", "callers")
    }
    assert all(files.values())
    for section, found in files.items():
        for block in found:
            assert mistakes(part_schema(section), parse(block.text)) == [], block.place


@pytest.mark.parametrize("section", ["callers", "buckets"])
def test_the_schema_of_a_section_is_valid(section: Any) -> None:
    meta.validate(part_schema(section))
    assert '"$ref"' not in json.dumps(part_schema(section))
