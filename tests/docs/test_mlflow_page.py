"""docs/mlflow.md: tests/clients/mlflow/test_mlflow.py runs its commands."""

from ruamel.yaml import YAML

from service.app.settings import Settings
from service.presigning.listings import MAX_PAGES
from service.protocols.mlflow.parts import MAX_PARTS
from tests.docs.documents import blocks, text_of

PAGE = "docs/mlflow.md"
BUCKET = {"region": "eu-west-1", "credentials": "static"}
ISSUER = {"issuer": "https://a.example", "audience": "presign", "jwks_url": "https://a.example/k"}


def test_the_configuration_on_the_page_is_valid() -> None:
    [shown] = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    document = YAML(typ="safe", pure=True).load(shown)
    settings = Settings.model_validate(
        {"buckets": {"reports": BUCKET}, "issuers": {"corp": ISSUER}, **document}
    )
    assert settings.mlflow is not None
    assert set(settings.mlflow.roots) == {"vision", "search"}


def test_the_bounds_on_the_page_are_the_codes() -> None:
    assert f"{MAX_PARTS:,} parts: {MAX_PARTS * 10 // 1000} GiB" in text_of(PAGE)
    assert f"More than {MAX_PAGES * 1000:,} files in one folder" in text_of(PAGE)
