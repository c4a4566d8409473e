"""Clients that read a listing as a folder of a web server."""

import json
import uuid
from pathlib import Path
from typing import Final

import pytest

from tests.clients.http.places import KEY, PAGED, Place, keyed, make_wheel
from tests.clients.http.programs import PYTHON
from tests.clients.toolchains import GENERATORS, tool

NAMES: Final = ["a b.txt", "50%.txt", "c+d.txt", "\u00e9.txt", "x%2Fy.txt"]
WHEEL: Final = "tinypkg-1.0-py3-none-any.whl"
HEADER: Final = f"Authorization: Bearer {KEY}"


@pytest.fixture(name="folder")
def _folder(place: Place) -> str:
    """The address of a folder with odd names."""
    prefix = f"{uuid.uuid4().hex}/caf\u00e9 +%/"
    for name in NAMES:
        place.store.put(prefix + name, name.encode())
    return place.address(prefix)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.rglob("*.txt")}


def run(place: Place, home: Path, *command: str) -> str:
    """Run a client that must succeed and must not send its key to the store."""
    done, sent = place.sent_by([*command], home)
    assert done.returncode == 0, done.stderr
    assert [each for each in sent if "authorization" in each.headers] == []
    return done.stdout


def test_rclone_copies_a_folder(place: Place, home: Path, folder: str, tmp_path: Path) -> None:
    key = ["--http-headers", f"Authorization,Bearer {KEY}"]
    rclone = tool("rclone", "rclone")
    run(place, home, rclone, "copy", ":http:", str(tmp_path), "--http-url", folder, *key)
    assert contents(tmp_path) == {name: name.encode() for name in NAMES}


def test_rclone_reads_the_first_page_only(
    place: Place, home: Path, folder: str, tmp_path: Path
) -> None:
    key = ["--http-headers", f"Authorization,Bearer {PAGED}"]
    rclone = tool("rclone", "rclone")
    run(place, home, rclone, "copy", ":http:", str(tmp_path), "--http-url", folder, *key)
    assert len(contents(tmp_path)) == 2


def test_wget_copies_a_folder(place: Place, home: Path, folder: str, tmp_path: Path) -> None:
    wget = [tool("wget", "wget"), "--no-config", "-q", "-r", "-np", "-P", str(tmp_path)]
    run(place, home, *wget, "--restrict-file-names=nocontrol", keyed(folder))
    found = contents(tmp_path)
    assert sorted(found.values()) == sorted(name.encode() for name in NAMES)


def test_fsspec_lists_a_folder_and_reads_it(place: Place, home: Path, folder: str) -> None:
    script = """
import fsspec, json, os, sys
headers = {"Authorization": "Bearer " + os.environ["PRESIGN_TOKEN"]}
http = fsspec.filesystem("http", client_kwargs={"headers": headers})
addresses = http.glob(sys.argv[1] + "*.txt")
print(json.dumps(sorted(http.cat_file(address).decode() for address in addresses)))
"""
    printed = run(place, home, PYTHON, "-W", "error", "-c", script, folder)
    assert json.loads(printed) == sorted(NAMES)


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_a_folder_of_wheels_is_an_index(
    place: Place, home: Path, name: str, tmp_path: Path
) -> None:
    prefix = f"{uuid.uuid4().hex}/wheels/"
    place.store.put(prefix + WHEEL, make_wheel())
    installer = {
        "pip": (PYTHON, "-m", "pip", "--isolated", "-q", "install", "--no-cache-dir"),
        "uv": (str(GENERATORS / "uv"), "-q", "--no-config", "pip", "install", "--no-cache"),
    }[name]
    links = keyed(place.address(prefix))
    where = ["--no-index", "--find-links", links, "--target", str(tmp_path)]
    run(place, home, *installer, *where, "tinypkg")
    assert (tmp_path / "tinypkg.py").exists()
