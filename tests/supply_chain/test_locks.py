"""The lock files determine what is installed, from any index."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import ROOT
from tools.locks import LOCKS, PYTHONS, pinned, pins, statements

PYPROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CLIENT: Final[dict[str, Any]] = tomllib.loads((ROOT / "client/pyproject.toml").read_text())
NPM_LOCKS: Final = [
    ROOT / "tests" / room / "package-lock.json"
    for room in (
        "browser/console",
        "browser/uppy",
        "clients",
        "clients/build_caches",
        "clients/mcp",
        "iam",
    )
]
SHA256: Final = re.compile(r"[0-9a-f]{64}")

every_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
every_python = pytest.mark.parametrize("python", PYTHONS)


def test_make_locks_writes_every_lock() -> None:
    made = re.findall(r"-o (\S+\.lock)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert sorted(made) == [f"locks/{lock.name}" for lock in LOCKS]


@every_lock
def test_each_package_has_one_version_and_hashes(lock: Path) -> None:
    for pin in pins(lock):
        assert [each.operator for each in pin.requirement.specifier] == ["=="], pin
        assert "*" not in pin.version, pin
        assert pin.sha256, f"{pin.name} has no hash"
        assert all(SHA256.fullmatch(each) for each in pin.sha256), pin


@every_lock
def test_no_lock_names_a_host(lock: Path) -> None:
    """Users choose the index; with hashes it need not be trusted."""
    for statement in statements(lock.read_text()):
        assert "://" not in statement
        assert " @ " not in statement
        assert not statement.startswith("-")


@every_lock
@every_python
def test_each_python_gets_each_package_once(lock: Path, python: str) -> None:
    assert pinned(lock, python)


@every_python
@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("locks/runtime.lock", PYPROJECT["project"]["dependencies"]),
        ("locks/dev.lock", PYPROJECT["project"]["dependencies"]),
        ("locks/dev.lock", PYPROJECT["dependency-groups"]["dev"][1:]),
        ("locks/dev.lock", PYPROJECT["dependency-groups"]["build"]),
        ("locks/dev.lock", PYPROJECT["project"]["optional-dependencies"]["demo"]),
        ("locks/runtime.lock", PYPROJECT["project"]["optional-dependencies"]["lambda"]),
        ("locks/runtime.lock", PYPROJECT["project"]["optional-dependencies"]["otel"]),
        ("locks/runtime.lock", CLIENT["project"]["dependencies"]),
        ("locks/demo.lock", PYPROJECT["project"]["dependencies"]),
        ("locks/demo.lock", PYPROJECT["project"]["optional-dependencies"]["demo"]),
        ("locks/demo.lock", PYPROJECT["dependency-groups"]["build"]),
        ("locks/demo.lock", CLIENT["project"]["dependencies"]),
    ],
)
def test_the_lock_satisfies_pyproject(lock: str, wanted: list[str], python: str) -> None:
    found = pinned(ROOT / lock, python)
    for requirement in map(Requirement, wanted):
        if requirement.name == CLIENT["project"]["name"]:
            continue  # built from this checkout
        pin = found[canonicalize_name(requirement.name)]
        assert pin.version in requirement.specifier, pin


@every_python
@pytest.mark.parametrize("lock", ["locks/runtime.lock", "locks/demo.lock", "locks/sbom.lock"])
def test_the_shipped_versions_are_the_tested_ones(lock: str, python: str) -> None:
    tested = pinned(ROOT / "locks/dev.lock", python)
    for name, pin in pinned(ROOT / lock, python).items():
        assert tested[name].version == pin.version


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda lock: lock.parent.name)
def test_npm_locks_have_hashes_and_no_host(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    installed = {path: each for path, each in packages.items() if path.startswith("node_modules/")}
    assert installed
    for path, each in installed.items():
        assert each.get("link") or each["integrity"].startswith("sha512-"), path
        assert each.get("link") or "resolved" not in each, path


def test_nothing_of_tests_and_tools_ships() -> None:
    """Some of their tools may not: the IAM simulator is under the AGPL."""
    assert "AGPL-3.0-or-later" in (ROOT / "tests/iam/package-lock.json").read_text()
    context = (ROOT / ".dockerignore").read_text().splitlines()
    shipped = [line[1:] for line in context if line.startswith("!")]
    for project in (PYPROJECT, CLIENT):
        for target in project["tool"]["hatch"]["build"]["targets"].values():
            shipped += [path for paths in target.values() for path in paths]
    assert {"service", "presign_client", "client/js/src"} <= {*shipped}
    assert context[0] == "*"
    assert {each.partition("/")[0] for each in shipped}.isdisjoint({"tests", "tools"})


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_pip_refuses_packages_without_a_hash(name: str) -> None:
    """The package itself is installed from this checkout, without dependencies."""
    commands = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    installs = [
        line for line in commands if re.search(r"\b(pip|PIP\))(?!.* :?= ).* install ", line)
    ]
    assert installs
    ours = ("--no-deps --no-build-isolation -e .", "--no-deps --no-index wheels/*.whl")
    for line in installs:
        assert "--require-hashes" in line or any(each in line for each in ours), line
