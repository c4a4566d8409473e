"""A bill of materials must list exactly what the lock pins for a Python version."""

from typing import Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from service import __version__
from tests.supply_chain.locks import ROOT, pinned


def check(bill: dict[str, Any], *, python: str) -> None:
    assert packages(bill) == {
        (name, pin.version) for name, pin in pinned(ROOT / "locks/runtime.lock", python).items()
    }
    check_components(bill, python)
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("presign", __version__)
    # It is reproducible.
    assert "serialNumber" not in bill
    assert "timestamp" not in bill["metadata"]


def packages(bill: dict[str, Any]) -> set[tuple[str, str]]:
    found = [(canonicalize_name(each["name"]), each["version"]) for each in bill["components"]]
    assert len(found) == len(set(found))
    return set(found)


def check_components(bill: dict[str, Any], python: str) -> None:
    """Scanners use the purl; the hash must be one that the lock allows."""
    pins = pinned(ROOT / "locks/runtime.lock", python)
    for component in bill["components"]:
        pin = pins[canonicalize_name(component["name"])]
        purl = PackageURL.from_string(component["purl"])
        assert (purl.type, canonicalize_name(purl.name)) == ("pypi", pin.name)
        assert purl.version == pin.version
        assert [each["alg"] for each in component["hashes"]] == ["SHA-256"]
        assert component["hashes"][0]["content"] in pin.sha256
