"""A bill of materials must list exactly what the lock pins for a Python version."""

from typing import Any, Final

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from service import __version__
from tools import ROOT
from tools.locks import pinned

OWN: Final = {"presign-server", "presign-client"}


def check(bill: dict[str, Any], *, python: str) -> None:
    locked = pinned(ROOT / "locks/runtime.lock", python)
    own = {(name, __version__) for name in OWN}
    assert packages(bill) == own | {(name, pin.version) for name, pin in locked.items()}
    check_components(bill, python)
    check_edges(bill)
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("presign", __version__)
    # It is reproducible.
    assert "serialNumber" not in bill
    assert "timestamp" not in bill["metadata"]


def packages(bill: dict[str, Any]) -> set[tuple[str, str]]:
    found = [(canonicalize_name(each["name"]), each["version"]) for each in of_python(bill)]
    assert len(found) == len(set(found))
    return set(found)


def of_python(bill: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in bill["components"] if each["purl"].startswith("pkg:pypi/")]


def of_debian(bill: dict[str, Any]) -> set[tuple[str, str]]:
    purls = [PackageURL.from_string(each["purl"]) for each in bill["components"]]
    return {(each.name, str(each.version)) for each in purls if each.type == "deb"}


def check_edges(bill: dict[str, Any]) -> None:
    """The root needs the service, the service its client, and each edge ends in the bill."""
    needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert needs["presign"] == ["presign-server"]
    assert {"presign-client"} < {*needs["presign-server"]}
    assert {*map(name_of, needs["presign-client"])} >= {"click", "rich", "urllib3"}
    refs = {each["bom-ref"] for each in bill["components"]}
    assert {each for needed in needs.values() for each in needed} <= refs


def name_of(ref: str) -> str:
    return ref.partition("==")[0]


def check_components(bill: dict[str, Any], python: str) -> None:
    """Scanners use the purl; the hash must be one that the lock allows."""
    pins = pinned(ROOT / "locks/runtime.lock", python)
    for component in of_python(bill):
        if component["name"] in OWN:
            assert component["licenses"] == [{"license": {"id": "MIT"}}]
            continue
        pin = pins[canonicalize_name(component["name"])]
        purl = PackageURL.from_string(component["purl"])
        assert (purl.type, canonicalize_name(purl.name)) == ("pypi", pin.name)
        assert purl.version == pin.version
        assert [each["alg"] for each in component["hashes"]] == ["SHA-256"]
        assert component["hashes"][0]["content"] in pin.sha256
