"""docs/uppy.md: the browser tests run its code, and its numbers match the service."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from service.access.key_prefixes import LONGEST_NAME
from service.config.callers import CallerSettings
from service.config.settings import Settings
from service.config.uppy import UppySettings
from service.signing.multipart_actions import ListParts

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "uppy.md").read_text(encoding="utf-8")
PACKAGES: Final = ROOT / "tests" / "browser" / "uppy"
VARIANTS: Final = ["v5/endpoint.js", "v6/sign.js", "v6/companion.js"]


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_code_on_the_page_is_what_the_browser_runs(variant: str) -> None:
    assert (PACKAGES / variant).read_text(encoding="utf-8") in shown("js")
    assert len(shown("js")) == len(VARIANTS)


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


def test_the_cors_rules_are_json() -> None:
    (rules,) = shown("json")
    assert {"ETag", "Location"} <= set(json.loads(rules)[0]["ExposeHeaders"])


def test_the_versions_on_the_page_are_installed() -> None:
    lock: Any = json.loads((PACKAGES / "package-lock.json").read_text(encoding="utf-8"))
    for major in ("v5", "v6"):
        asked = json.loads((PACKAGES / major / "package.json").read_text(encoding="utf-8"))
        pinned: dict[str, str] = asked["dependencies"]
        documented = f"{pinned['@uppy/aws-s3']} (core {pinned['@uppy/core']}"
        assert documented in PAGE
        assert f"dashboard {pinned['@uppy/dashboard']})" in PAGE
        for name, version in pinned.items():
            found = [
                each["version"]
                for path, each in lock["packages"].items()
                if path.endswith(f"node_modules/{name}")
            ]
            assert version in found


def test_the_lock_names_no_host() -> None:
    text = (PACKAGES / "package-lock.json").read_text(encoding="utf-8")
    lock = json.loads(text)
    fetched = [each for path, each in lock["packages"].items() if "node_modules/" in path]
    assert all("integrity" in each for each in fetched if not each.get("link"))
    assert not [each for each in fetched if "://" in each.get("resolved", "")]


def test_the_numbers_on_the_page_match_the_code() -> None:
    assert f"at most {LONGEST_NAME} bytes of it" in PAGE
    assert (
        f"lists the first {int(dict(ListParts(upload_id='u').query())['max-parts']):,} parts"
        in PAGE
    )
