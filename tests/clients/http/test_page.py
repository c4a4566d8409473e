"""The commands of docs/object-urls.md, with the real clients and stores that verify signatures."""

import os
from pathlib import Path
from typing import Final

import pytest

from tests.clients.http.places import Place, install_httpfs, write_netrc
from tests.clients.http.program import PYTHON
from tests.clients.toolchains import GENERATORS, tool
from tests.docs.documents import blocks
from tests.end_to_end.examples import node

PAGE: Final = "docs/object-urls.md"
ADDRESS: Final = "http://127.0.0.1:8000"
DEBIANS: Final = {
    "curl": "curl",
    "wget": "wget",
    "aria2c": "aria2",
    "rclone": "rclone",
    "ogrinfo": "gdal-bin",
}
COMMANDS: Final = {
    "sh": ("bash", "-euo", "pipefail", "-c"),
    "python": (PYTHON, "-W", "error", "-c"),
    "js": (node(), "--input-type=module", "-e"),
}


@pytest.fixture(scope="module", name="directory")
def _directory(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's home. The blocks run in it, in the order of the page."""
    directory = tmp_path_factory.mktemp("page")
    write_netrc(directory, place.url)
    install_httpfs(directory)
    return directory


def test_the_page_works_as_a_whole(place: Place, directory: Path) -> None:
    for program, package in DEBIANS.items():
        tool(program, package)
    path = os.pathsep.join([str(GENERATORS), os.environ["PATH"]])
    for block in blocks(PAGE):
        if block.language in COMMANDS:
            text = block.text.replace(ADDRESS, place.url)
            done, sent = place.sent_by([*COMMANDS[block.language], text], directory, PATH=path)
            assert done.returncode == 0, f"{block.place}: {done.stderr}"
            leaked = [each for each in sent if "authorization" in each.headers]
            assert leaked == [], block.place
    assert (directory / "copied" / "q3.csv").read_text() == "quarter,total\nq3,42\n"
