"""Clients that read a listing as a folder of a web server."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.clients.http.places import KEY, PAGED, Place, keyed, make_wheel, new_folder
from tests.clients.http.program import PYTHON
from tests.clients.toolchains import GENERATORS, tool

NAMES: Final = ["a b.txt", "50%.txt", "c+d.txt", "\u00e9.txt", "x%2Fy.txt"]
WHEEL: Final = "tinypkg-1.0-py3-none-any.whl"
INSTALLERS: Final = {
    "pip": (PYTHON, "-m", "pip", "--isolated", "install", "--no-cache-dir"),
    "uv": (str(GENERATORS / "uv"), "--no-config", "pip", "install", "--no-cache"),
}
COPY: Final = """
import fsspec, sys
folder, directory, key = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}"}
http = fsspec.filesystem("http", client_kwargs={"headers": headers})
for number, address in enumerate(http.glob(folder + "*.txt")):
    http.get_file(address, f"{directory}/{number}.txt")
"""
Copy = Callable[..., list[str]]
Run = Callable[[list[str]], None]


@pytest.fixture(name="folder")
def _folder(place: Place) -> str:
    """The address of a folder with odd names."""
    prefix = f"{new_folder()}caf\u00e9 +%/"
    for name in NAMES:
        place.store.put(prefix + name, name.encode())
    return place.address(prefix)


def contents(directory: Path) -> list[str]:
    """Return the content of each copied object, which is its name. Pages may be there as well."""
    copied = [path.read_text() for path in directory.rglob("*.txt")]
    return sorted(text for text in copied if text in NAMES)


@pytest.fixture(name="run")
def _run(place: Place, home: Path) -> Run:
    """Run a client that must succeed and must not send its key to the store."""

    def run(command: list[str]) -> None:
        done, sent = place.sent_by(command, home)
        assert done.returncode == 0, done.stderr
        assert [each for each in sent if "authorization" in each.headers] == []

    return run


def rclone(folder: str, directory: Path, key: str = KEY) -> list[str]:
    header = f"Authorization,Bearer {key}"
    place = ["--http-url", folder, "--http-headers", header]
    return [tool("rclone", "rclone"), "copy", ":http:", str(directory), *place]


def wget(folder: str, directory: Path, key: str = KEY) -> list[str]:
    command = [tool("wget", "wget"), "--no-config", "-q", "-r", "-np", "-P", str(directory)]
    return [*command, "--restrict-file-names=nocontrol", keyed(folder, key)]


def lftp(folder: str, directory: Path, key: str = KEY) -> list[str]:
    mirror = f"set net:max-retries 1; mirror -r {keyed(folder, key)} {directory}"
    return [tool("lftp", "lftp"), "--norc", "-c", mirror]


def fsspec(folder: str, directory: Path, key: str = KEY) -> list[str]:
    return [PYTHON, "-W", "error", "-c", COPY, folder, str(directory), key]


def installing(name: str, folder: str, directory: Path, key: str) -> list[str]:
    where = ["--no-index", "--find-links", keyed(folder, key), "--target", str(directory)]
    return [*INSTALLERS[name], "-q", *where, "tinypkg"]


@pytest.mark.parametrize("client", [rclone, wget, lftp, fsspec])
def test_a_client_copies_a_folder(client: Copy, run: Run, folder: str, tmp_path: Path) -> None:
    run(client(folder, tmp_path))
    assert contents(tmp_path) == sorted(NAMES)


@pytest.mark.parametrize(("client", "copied"), [(rclone, 2), (fsspec, 2), (lftp, 2), (wget, 5)])
def test_only_wget_reads_further_pages(
    client: Copy, copied: int, run: Run, folder: str, tmp_path: Path
) -> None:
    run(client(folder, tmp_path, PAGED))
    assert len(contents(tmp_path)) == copied


@pytest.mark.parametrize("name", INSTALLERS)
def test_a_folder_of_wheels_is_an_index(place: Place, run: Run, name: str, tmp_path: Path) -> None:
    prefix = new_folder()
    place.store.put(prefix + WHEEL, make_wheel())
    run(installing(name, place.address(prefix), tmp_path, KEY))
    assert (tmp_path / "tinypkg.py").exists()


@pytest.mark.parametrize("name", INSTALLERS)
def test_an_index_has_one_page(place: Place, home: Path, name: str, tmp_path: Path) -> None:
    prefix = new_folder()
    for other in (WHEEL, "a.txt", "b.txt"):
        place.store.put(prefix + other, make_wheel())
    command = installing(name, place.address(prefix), tmp_path, PAGED)
    done, _ = place.sent_by(command, home)
    assert done.returncode != 0
