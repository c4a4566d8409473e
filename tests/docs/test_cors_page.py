"""docs/cors.md: its rules are those that the service prints, and that its pages ask for."""

import json
import re
from typing import Any, Final

from service.access.grants import Operation
from tests.docs.documents import blocks, text_of
from tests.operations.setup.configurations import BUCKET, document
from tests.support.demo import ROOT

PAGE: Final = "docs/cors.md"


def shown(heading: str) -> dict[str, Any]:
    """Return the rule of a section."""
    section = text_of(PAGE).partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    [rules] = [json.loads(each.text) for each in blocks(PAGE) if each.text in section]
    [rule] = rules["CORSRules"] if isinstance(rules, dict) else rules
    return dict(rule)


def test_the_rule_for_pages_is_that_of_deploy() -> None:
    [deployed] = json.loads((ROOT / "deploy/iam/cors.json").read_text())["CORSRules"]
    same = ("AllowedOrigins", "AllowedMethods", "ExposeHeaders", "MaxAgeSeconds")
    rule = shown("A page of yours")
    assert [rule[name] for name in same] == [deployed[name] for name in same]


def test_the_rule_for_redirects_allows_any_origin_and_no_key() -> None:
    rule = shown("Object URLs and share links")
    assert rule["AllowedOrigins"] == ["*"]
    assert "authorization" not in rule["AllowedHeaders"]


def test_the_rule_for_the_console_is_what_it_asks_for() -> None:
    script = (ROOT / "service/console/page/error_words.js").read_text(encoding="utf-8")
    function = script.partition("function corsRule()")[2].partition("\n}\n")[0]
    asked = {
        name: json.loads(each) for name, each in re.findall(r"(\w+): (\[\".*\]|\d+),", function)
    }
    rule = shown("The console and drop boxes")
    assert asked.keys() == rule.keys() - {"AllowedOrigins"}
    assert asked == {name: rule[name] for name in asked}


def test_the_rule_for_uppy_is_part_of_what_presign_iam_prints() -> None:
    uppy = {"bucket": "reports", "prefix": "uploads/{caller}/"}
    top = {"uppy": uppy, "server": {"cors_origins": ["https://app.example.com"]}}
    allow = frozenset({Operation.UPLOAD, Operation.MULTIPART})
    [printed] = document({"reports": BUCKET}, allow=allow, top=top)["buckets"][0]["cors"][
        "CORSRules"
    ]
    rule = shown("Uppy")
    assert rule["ExposeHeaders"] == printed["ExposeHeaders"]
    for name in ("AllowedOrigins", "AllowedMethods", "AllowedHeaders"):
        assert set(rule[name]) <= set(printed[name])
