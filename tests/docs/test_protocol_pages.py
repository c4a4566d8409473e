"""The pages of protocols: their configuration is valid, and their bounds are the code's.

tests/clients runs their commands.
"""

import re
from typing import Final

import pytest
from ruamel.yaml import YAML

from service.app.settings import Settings
from service.presigning.listings import MAX_PAGES
from service.protocols.build_caches.artifacts import MAX_SECONDS
from service.protocols.build_caches.places import TICKET_SECONDS
from service.protocols.build_caches.routes import MAX_HASHES
from service.protocols.git_lfs.routes import MAX_OBJECTS
from service.protocols.hugging_face.cached_listings import KEPT_SECONDS
from service.protocols.hugging_face.folders import MAX_FILES
from service.protocols.hugging_face.repositories import MAX_REFS
from service.protocols.mcp.listing import MAX_BYTES, MAX_LOOKED_AT, MAX_NAMES
from service.protocols.mlflow.parts import MAX_PARTS
from service.protocols.objects.settings import ObjectUrlSettings
from service.protocols.package_index.hashes import MAX_CHECKED
from service.sessions.pool import MAX_VENDED
from service.sessions.refresh_policy import MIN_VENDED_SECONDS, VENDED_REMAINING
from tests.docs.documents import blocks, text_of
from tests.support.demo import ROOT

BUCKET: Final = {"region": "eu-west-1", "credentials": "static"}
ISSUER: Final = {"issuer": "https://a.example", "audience": "a", "jwks_url": "https://a.example/k"}
SENTENCES: Final = [
    ("git-lfs", f"A batch has at most {MAX_OBJECTS} objects"),
    ("build-caches", f"one request has at most {MAX_HASHES}"),
    ("build-caches", f"A signed URL lives for {MAX_SECONDS} s"),
    ("build-caches", f"`ticket_seconds` ({TICKET_SECONDS // 3600} h by default"),
    ("mcp", f"at most {MAX_NAMES:,} names and {MAX_BYTES // 1000} KB an answer"),
    ("mcp", f"{MAX_LOOKED_AT:,} names a search, in {MAX_PAGES} pages"),
    ("mlflow", f"{MAX_PARTS:,} parts: {MAX_PARTS * 10 // 1000} GiB"),
    ("mlflow", f"More than {MAX_PAGES * 1000:,} files in one folder"),
    ("hugging-face", f"More than {MAX_FILES:,} files in a revision"),
    ("hugging-face", f"More than {MAX_REFS} revisions"),
    ("hugging-face", f"is kept for {KEPT_SECONDS:g} s"),
    ("package-index", f"One request looks up at most {MAX_CHECKED} files"),
    ("package-index", f"One directory has at most {MAX_PAGES} pages"),
    ("object-urls", f"`objects.expires_in` seconds, {ObjectUrlSettings().expires_in} by default"),
    ("credentials", f"lasts {MIN_VENDED_SECONDS:,} s"),
    ("credentials", f"At least {VENDED_REMAINING / 60:.0f} minutes are left"),
    ("credentials", f"can use {MAX_VENDED} different prefixes"),
]


@pytest.mark.parametrize("name", ["git-lfs", "hugging-face", "mcp", "mlflow", "package-index"])
def test_the_configuration_on_the_page_is_valid(name: str) -> None:
    [shown] = [block.text for block in blocks(f"docs/{name}.md") if block.language == "yaml"]
    document = YAML(typ="safe", pure=True).load(shown)
    settings = Settings.model_validate(
        {"buckets": {"reports": BUCKET}, "issuers": {"corp": ISSUER}, **document}
    )
    assert getattr(settings, name.replace("-", "_"))


def test_the_build_caches_on_the_page_are_valid() -> None:
    shown, *_ = [block.text for block in blocks("docs/build-caches.md") if block.language == "yaml"]
    document = YAML(typ="safe", pure=True).load(shown)
    settings = Settings.model_validate({"buckets": {"builds": BUCKET}, **document})
    assert settings.build_caches["web"].ticket_seconds == TICKET_SECONDS


@pytest.mark.parametrize(("name", "sentence"), SENTENCES)
def test_a_bound_on_the_page_is_that_of_the_code(name: str, sentence: str) -> None:
    assert sentence in " ".join(text_of(f"docs/{name}.md").split())


def test_the_version_of_pipx_on_the_page_is_pinned() -> None:
    lock = (ROOT / "locks/clients.lock").read_text()
    [pinned] = re.findall(r"^pipx==(\S+)", lock, re.MULTILINE)
    assert f"pipx {pinned} takes" in text_of("docs/package-index.md")
