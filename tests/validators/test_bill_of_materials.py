"""The output of `make sbom` for this Python; tests/compose checks that of the image."""

import copy
import json
import platform
from typing import Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.supply_chain import bill
from tools import ROOT

FILE: Final = ROOT / "dist" / "presign.cdx.json"
PYTHON: Final = ".".join(platform.python_version_tuple()[:2])


@pytest.fixture(name="written")
def _written() -> Any:
    return json.loads(FILE.read_text())


def test_it_is_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(FILE.read_text()) is None


def test_it_matches_the_lock(written: dict[str, Any]) -> None:
    bill.check(written, python=PYTHON)


@pytest.mark.parametrize("field", ["name", "version", "purl", "hashes"])
def test_a_wrong_entry_is_detected(written: dict[str, Any], field: str) -> None:
    first, second = written["components"][:2]
    first[field] = copy.deepcopy(second[field])
    with pytest.raises(AssertionError):
        bill.check(written, python=PYTHON)


def test_a_missing_package_is_detected(written: dict[str, Any]) -> None:
    written["components"].pop()
    with pytest.raises(AssertionError):
        bill.check(written, python=PYTHON)
