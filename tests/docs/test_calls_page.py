"""docs/calls.md has each call of openapi.yaml."""

import re
from typing import Final

from tests.docs.documents import text_of

PATHS: Final = re.findall(r"(?m)^  (/v1/\S+):$", text_of("openapi.yaml"))
PAGE: Final = text_of("docs/calls.md")


def test_each_call_is_on_the_page() -> None:
    assert "/v1/download-urls" in PATHS
    calls = {"/".join(path.split("/")[:3]) for path in PATHS}
    assert [each for each in sorted(calls) if each not in PAGE] == []


def test_each_batch_is_on_the_page() -> None:
    [listed] = re.findall(r"`/v1/\{([a-z,-]+)\}-urls/batch`", PAGE)
    batches = {
        path.split("/")[2].removesuffix("-urls") for path in PATHS if path.endswith("/batch")
    }
    assert {*listed.split(",")} == batches
