"""docs/package-index.md: tests/clients/test_package_index.py runs its commands."""

from ruamel.yaml import YAML

from service.app.settings import Settings
from service.presigning.listings import MAX_PAGES
from service.protocols.package_index.hashes import MAX_CHECKED
from tests.docs.documents import blocks, text_of

PAGE = "docs/package-index.md"


def test_the_configuration_on_the_page_is_valid() -> None:
    [shown] = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    bucket = {"region": "eu-west-1", "credentials": "static"}
    document = YAML(typ="safe", pure=True).load(shown)
    settings = Settings.model_validate({"buckets": {"reports": bucket}, **document})
    assert settings.package_index["wheels"].prefix == settings.callers[0].grants[0].prefix


def test_the_bounds_on_the_page_are_the_codes() -> None:
    assert f"One request looks up at most {MAX_CHECKED} files" in text_of(PAGE)
    assert f"One directory has at most {MAX_PAGES} pages" in text_of(PAGE)
