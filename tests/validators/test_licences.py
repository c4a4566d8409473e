"""The licences of what ships: a page that is current, and a gate."""

import json
import sys
from typing import Any, Final

import pytest

from release import licences
from tools import ROOT

BILL: Final[dict[str, Any]] = json.loads((ROOT / "dist" / "presign.cdx.json").read_text())
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IS_OF_THE_IMAGE: Final = f"ARG PYTHON=3.{sys.version_info.minor}\n" in DOCKERFILE


def component(*given: dict[str, Any]) -> dict[str, Any]:
    return {"name": "a", "version": "1", "licenses": [*given]}


def test_each_shipped_licence_fits() -> None:
    assert licences.problems(licences.rows(BILL)) == []


@pytest.mark.skipif(not IS_OF_THE_IMAGE, reason="LEFT OUT: the page is that of the image's Python")
def test_the_page_is_current() -> None:
    text = licences.PAGE.read_text(encoding="utf-8")
    assert "aioboto3, " in text
    assert text == licences.page(text, BILL)


def test_the_copied_script_has_the_listed_version() -> None:
    name, version, licence = licences.COPIED
    script = (ROOT / "service" / "console" / "page" / "lean_qr.js").read_text(encoding="utf-8")
    head = script[:400]
    assert name in head
    assert version in head
    assert licence in head


def test_what_was_read_by_hand_is_still_needed() -> None:
    assert {each["name"] for each in BILL["components"]} >= set(licences.READ)


@pytest.mark.parametrize("expression", ["MIT", "GPL-2.0-only OR MIT", "MIT AND Apache-2.0"])
def test_a_licence_that_fits_passes(expression: str) -> None:
    found = licences.licence_of(component({"expression": expression}))
    assert licences.problems([("a", "1", found)]) == []


@pytest.mark.parametrize(
    "given",
    [
        {"license": {"id": "AGPL-3.0-or-later"}},
        {"expression": "MIT AND GPL-3.0-only"},
        {"expression": "(MIT OR Apache-2.0) AND GPL-3.0-only"},
        {"license": {"name": "Ask us"}},
    ],
)
def test_another_licence_is_refused(given: dict[str, Any]) -> None:
    found = licences.licence_of(component(given))
    assert len(licences.problems([("a", "1", found)])) == 1


def test_a_package_without_a_licence_is_refused() -> None:
    assert licences.problems([("a", "1", licences.licence_of(component()))]) == ["a: no licence"]
