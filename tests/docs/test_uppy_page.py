"""docs/uppy.md: the browser tests run its code, with the versions that it names."""

import json
from typing import Final

import pytest
from ruamel.yaml import YAML

from service.app.settings import Settings
from service.config.callers import CallerSettings
from service.protocols.uppy.settings import UppySettings
from tests.docs.documents import blocks, text_of
from tests.support.demo import ROOT

PAGE: Final = text_of("docs/uppy.md")
PACKAGES: Final = ROOT / "tests" / "browser" / "uppy"
VARIANTS: Final = ["v3/companion.js", "v5/endpoint.js", "v6/sign.js", "v6/companion.js"]


def shown(language: str) -> list[str]:
    return [block.text for block in blocks("docs/uppy.md") if block.language == language]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_code_on_the_page_is_what_the_browser_runs(variant: str) -> None:
    assert (PACKAGES / variant).read_text(encoding="utf-8") in shown("js")
    assert len(shown("js")) == len(VARIANTS)


def test_uppy_4_runs_the_page_of_uppy_5() -> None:
    assert (PACKAGES / "v4/endpoint.js").read_text() == (PACKAGES / "v5/endpoint.js").read_text()


def test_the_configuration_on_the_page_is_valid() -> None:
    uppy, callers = (YAML(typ="safe", pure=True).load(block) for block in shown("yaml"))
    bucket = {"region": "eu-west-1", "credentials": "static"}
    issuer = {"issuer": "https://i", "audience": "p", "jwks_url": "https://i.example/k"}
    settings = Settings.model_validate(
        {"buckets": {"reports": bucket}, "issuers": {"app": issuer}, **uppy, **callers}
    )
    assert isinstance(settings.uppy, UppySettings)
    assert isinstance(settings.callers[0], CallerSettings)
    assert uppy["uppy"].keys() == UppySettings.model_fields.keys()


def test_the_versions_on_the_page_are_installed() -> None:
    packages = json.loads((PACKAGES / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for major in ("v3", "v4", "v5", "v6"):
        asked = json.loads((PACKAGES / major / "package.json").read_text(encoding="utf-8"))
        pinned: dict[str, str] = asked["dependencies"]
        plugin = pinned["@uppy/aws-s3-multipart" if major == "v3" else "@uppy/aws-s3"]
        assert f"{plugin} (core {pinned['@uppy/core']}" in PAGE
        if dashboard := pinned.get("@uppy/dashboard"):
            assert f"dashboard {dashboard})" in PAGE
        for name, version in pinned.items():
            found = [path for path in packages if path.endswith(f"node_modules/{name}")]
            assert version in [packages[path]["version"] for path in found]
