"""docs/package-index.md: its commands, with pip and uv, against a store that verifies signatures."""

import hashlib
import os
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from tests.clients.recording import Recording, recording
from tests.clients.running import BASH, printed
from tests.clients.toolchains import GENERATORS, tool
from tests.docs.documents import Block, block_of
from tests.support.service import API_KEY, make_caller, run_service
from tests.support.stores import Store

PAGE: Final = "docs/package-index.md"
PLACES: Final = {"wheels": {"bucket": "objects", "prefix": "pypi/"}}
CODE: Final = "ANSWER = 42\n\n\ndef main() -> None:\n    print(ANSWER)\n"
PROJECT: Final = """[project]
name = "locked"
version = "1"
requires-python = ">=3.10"
dependencies = ["tinypkg"]
"""


@dataclass(frozen=True, kw_only=True)
class Index:
    """The service with an index of one project, and what its store gets from clients."""

    url: str
    store: Recording
    dist: Path

    def run(self, block: Block, directory: Path, **environment: str) -> str:
        """Run a block of the page, with this index instead of the one that it names."""
        host = self.url.removeprefix("http://")
        text = block.text.replace("https://presign.example.com", self.url)
        text = text.replace("https://", "http://").replace("presign.example.com", host)
        text = text.replace("/o/reports/", "/o/objects/")
        tools = [Path(sys.executable).parent, GENERATORS]
        own = {
            "PATH": os.pathsep.join([*map(str, tools), os.defpath]),
            "HOME": str(directory),
            "PRESIGN_TOKEN": API_KEY,
        }
        return printed([*BASH, text], directory, {**own, **environment}, secret=API_KEY)


def build(directory: Path, name: str, version: str, *requires: str) -> None:
    """Write a wheel with one module."""
    directory.mkdir(exist_ok=True)
    about = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    contents = {
        f"{name}.py": CODE,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    contents[f"{about}/RECORD"] = "".join(f"{each},,\n" for each in [*contents, f"{about}/RECORD"])
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in contents.items():
            wheel.writestr(path, text)


@pytest.fixture(scope="module")
def index(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """`tinypkg` was uploaded as the page says, with its metadata; it needs `Tiny_Dep`, without."""
    directory = tmp_path_factory.mktemp("index")
    tool("curl", "curl")
    tool("unzip", "unzip")
    caller = make_caller("ci", API_KEY, "pypi/", allow=["list", "download", "check", "upload"])
    caller["grants"] = [{**grant, "allow_overwrite": False} for grant in caller["grants"]]
    ministack.empty("pypi/")  # a worker may come here twice, and what is released is not replaced
    build(directory / "dist", "tinypkg", "1.0", "Tiny_Dep>=1")
    build(directory / "others", "tiny_dep", "1.5")
    dependency = "tiny_dep-1.5-py3-none-any.whl"
    ministack.put(f"pypi/tiny-dep/{dependency}", (directory / "others" / dependency).read_bytes())
    with (
        recording(ministack.endpoint_url) as store,
        run_service(
            ministack,
            tmp_path_factory.mktemp("service"),
            callers=[caller],
            top={"package_index": PLACES},
            public_endpoint_url=store.url,
        ) as service,
    ):
        url = str(service.client.base_url).rstrip("/")
        index = Index(url=url, store=store, dist=directory / "dist")
        index.run(block_of(PAGE, "unzip"), directory)
        index.run(block_of(PAGE, "curl"), directory)
        yield index


@dataclass(frozen=True, kw_only=True)
class Installer:
    """pip or uv without configuration. Installs into `directory / "site"`."""

    shown: Block
    options: list[str]
    environment: dict[str, str]
    directory: Path

    def install(self, index: Index, *more: str) -> str:
        """Run the page's command with other options. Return what it prints."""
        options = " ".join(["install", *self.options, *more])
        text = self.shown.text.replace("install tinypkg", f"{options} tinypkg")
        return index.run(replace(self.shown, text=text), self.directory, **self.environment)


@pytest.fixture(params=["pip", "uv"])
def installer(request: pytest.FixtureRequest, tmp_path: Path) -> Installer:
    if request.param == "pip":
        environment = {"PIP_NO_CACHE_DIR": "1", "PIP_NO_INPUT": "1"}
        shown, options = block_of(PAGE, "PIP_INDEX_URL"), ["--target", "site"]
    else:
        assert (GENERATORS / "uv").exists(), "uv is missing: `make clients` installs it"
        environment = {"UV_CACHE_DIR": str(tmp_path / "cache")}
        shown = block_of(PAGE, "UV_DEFAULT_INDEX")
        options = ["--target", "site", "--python", sys.executable]
    return Installer(shown=shown, options=options, environment=environment, directory=tmp_path)


def test_a_package_and_its_dependency_are_installed(index: Index, installer: Installer) -> None:
    installer.install(index)
    for name in ("tinypkg", "tiny_dep"):
        assert (installer.directory / "site" / f"{name}.py").read_text() == CODE


def test_the_store_never_gets_the_key(index: Index, installer: Installer) -> None:
    installer.install(index)
    assert {each.method for each in index.store.requests} >= {"PUT", "GET"}
    for each in index.store.requests:
        assert "authorization" not in {name.lower() for name in each.headers}
        assert API_KEY not in f"{each.path} {each.headers}"


def test_metadata_beside_a_wheel_saves_its_download(index: Index, installer: Installer) -> None:
    before = len(index.store.requests)
    installer.install(index, "--dry-run")
    paths = {each.path.partition("?")[0] for each in index.store.requests[before:]}
    wheel = "/pypi/tinypkg/tinypkg-1.0-py3-none-any.whl"
    assert any(path.endswith(f"{wheel}.metadata") for path in paths)
    assert not any(path.endswith(wheel) for path in paths)


def test_pipx_installs_with_uv_and_the_variable_of_uv(index: Index, tmp_path: Path) -> None:
    shown = block_of(PAGE, "UV_DEFAULT_INDEX")
    install = f"pipx install --quiet --python {sys.executable} tinypkg && bin/tinypkg"
    installing = replace(shown, text=shown.text.replace("uv pip install tinypkg", install))
    said = index.run(
        installing,
        tmp_path,
        PIPX_HOME=str(tmp_path / "pipx"),
        PIPX_BIN_DIR=str(tmp_path / "bin"),
        UV_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert said.splitlines()[-1] == "42"


def test_uv_locks_the_hash_of_what_was_uploaded(index: Index, tmp_path: Path) -> None:
    """`tiny-dep` was uploaded without a checksum."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    shown, lock = block_of(PAGE, "UV_DEFAULT_INDEX"), f"uv lock --python {sys.executable}"
    locking = replace(shown, text=shown.text.replace("uv pip install tinypkg", lock))
    index.run(locking, tmp_path, UV_CACHE_DIR=str(tmp_path / "cache"))
    locked = tomllib.loads((tmp_path / "uv.lock").read_text())["package"]
    found = {each["name"]: each.get("wheels", [{}])[0].get("hash") for each in locked}
    wheel = (index.dist / "tinypkg-1.0-py3-none-any.whl").read_bytes()
    assert found["tinypkg"] == f"sha256:{hashlib.sha256(wheel).hexdigest()}"
    assert found["tiny-dep"] is None


def test_a_released_file_is_not_replaced(index: Index, tmp_path: Path) -> None:
    build(tmp_path / "dist", "tinypkg", "1.0")
    with pytest.raises(AssertionError, match="412"):
        index.run(block_of(PAGE, "curl"), tmp_path)
