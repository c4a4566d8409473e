"""docs/git-lfs.md: tests/clients/git_lfs/test_git_lfs.py runs its commands."""

from ruamel.yaml import YAML

from service.app.settings import Settings
from service.protocols.git_lfs.routes import MAX_OBJECTS
from tests.docs.documents import blocks, text_of

PAGE = "docs/git-lfs.md"
BUCKET = {"region": "eu-west-1", "credentials": "static"}
ISSUER = {"issuer": "https://a.example", "audience": "presign", "jwks_url": "https://a.example/k"}


def test_the_configuration_on_the_page_is_valid() -> None:
    [shown] = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    document = YAML(typ="safe", pure=True).load(shown)
    settings = Settings.model_validate(
        {"buckets": {"reports": BUCKET}, "issuers": {"corp": ISSUER}, **document}
    )
    assert settings.git_lfs is not None
    assert set(settings.git_lfs.repositories) == {"design", "video"}


def test_the_bound_on_the_page_is_the_codes() -> None:
    assert f"A batch has at most {MAX_OBJECTS} objects" in text_of(PAGE)
