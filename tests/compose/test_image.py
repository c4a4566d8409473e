"""Two builds of the image are equal, byte for byte. Only an engine can show it, so `.ci/run` does."""

import re
from pathlib import Path

from release.image import image, images
from tests.release.building import EPOCH, copied
from tools import ROOT


def base() -> str:
    """Return the base of docker-compose.yml's image, which the engine has."""
    [python] = re.findall(r"^ARG PYTHON=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return f"python:{python}-slim"


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_two_builds_of_the_image_are_equal(tmp_path: Path) -> None:
    first, second = tmp_path / "dist", tmp_path / "later"
    first.mkdir()
    left = images(copied(tmp_path / "a"), first, epoch=EPOCH, base=base())
    names = sorted(contents(first))
    assert names
    assert len(names) == 2 * (2 - len(left))
    architecture = names[0].rpartition("-")[2].partition(".")[0]

    second.mkdir()
    source = copied(tmp_path / "another name" / "b")
    image(source, second, architecture=architecture, epoch=EPOCH, base=base())

    again = contents(second)
    assert again == {name: each for name, each in contents(first).items() if name in again}
    assert len(again) == 2
