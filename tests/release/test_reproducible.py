"""Two builds in two folders, at two times and in two environments give equal bytes."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import helm_python
import pytest

from release.version import current
from tests.deploy.kubernetes.rendering import example
from tests.release.building import EPOCH, built, copied, shown_page, targets
from tools.manifests import CHART

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.fixture(scope="module", name="dist")
def _dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    return built(copied(folder / "source"), folder / "dist")


def test_two_builds_are_equal(dist: Path, tmp_path: Path) -> None:
    source = copied(tmp_path / "another name" / "deeper")
    for path in source.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    settings = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(tmp_path)}

    other = built(source, tmp_path / "dist", umask=0o077, **settings)

    assert contents(other) == contents(dist)


def test_each_artefact_is_there(dist: Path) -> None:
    version = current()
    assert sorted(contents(dist)) == [
        f"presign-{version}.tgz",
        f"presign-client-{version}.tgz",
        "presign.cdx.json",
        f"presign_client-{version}-py3-none-any.whl",
        f"presign_client-{version}.tar.gz",
        f"presign_server-{version}-py3-none-any.whl",
        f"presign_server-{version}.tar.gz",
    ]


def test_no_artefact_names_the_folder_of_its_build(dist: Path) -> None:
    paths = [str(dist.parent).encode(), str(Path.cwd()).encode()]
    plain = {name: text for name, text in contents(dist).items() if name.endswith(".json")}
    assert plain
    assert [name for name, text in plain.items() for path in paths if path in text] == []


@pytest.mark.parametrize("name", ["presign_server", "presign_client"])
def test_the_sdist_builds_the_same_wheel(dist: Path, tmp_path: Path, name: str) -> None:
    stem = f"{name}-{current()}"
    subprocess.run(["tar", "xf", dist / f"{stem}.tar.gz", "-C", tmp_path], check=True)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]

    settings = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    subprocess.run(command, cwd=tmp_path / stem, env=settings, check=True)

    wheel = f"{stem}-py3-none-any.whl"
    assert (tmp_path / wheel).read_bytes() == (dist / wheel).read_bytes()


@pytest.mark.parametrize("name", ["presign_server", "presign_client"])
def test_the_page_on_an_index_has_no_relative_link(dist: Path, name: str) -> None:
    page = shown_page(dist / f"{name}-{current()}-py3-none-any.whl")
    assert [each for each in targets(page) if not urlsplit(each).scheme] == []


def test_the_chart_renders_as_its_folder_does(dist: Path) -> None:
    values = example("static-keys")
    rendered = []
    for place in (dist / f"presign-{current()}.tgz", CHART):
        with helm_python.Chart.load(place) as chart:
            rendered.append(chart.render(values, name="presign", namespace="presign"))
    assert rendered[0] == rendered[1] != {}
