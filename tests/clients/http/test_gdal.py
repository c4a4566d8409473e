"""GDAL's /vsicurl/, which QGIS and rasterio use too, with Debian's GDAL."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.clients.http.places import KEY, PAGED, Place, new_folder
from tests.clients.recording import SentRequest
from tests.clients.toolchains import tool

PACKAGE: Final = "gdal-bin"
BEARER: Final = {"GDAL_HTTP_HEADERS": f"Authorization: Bearer {KEY}"}
PASSWORD: Final = {"GDAL_HTTP_USERPWD": f"x:{KEY}"}
ASK_US: Final = {"CPL_VSIL_CURL_USE_S3_REDIRECT": "NO"}  # for each range
NO_LIST: Final = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
AUXILIARY: Final = b'<PAMDataset><Metadata><MDI key="FOUND">yes</MDI></Metadata></PAMDataset>'
ODD: Final = "my maps/50% \u00e9/"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What `gdalinfo` did. `leaked` says whether the key was sent to the store."""

    works: bool
    sent: list[SentRequest]
    written: str

    @property
    def leaked(self) -> bool:
        return any("authorization" in each.headers for each in self.sent)


@pytest.fixture(name="image", scope="module")
def _image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("image") / "image.tif"
    size = ("-outsize", "8", "8", "-bands", "1")
    subprocess.run([tool("gdal_create", PACKAGE), "-q", *size, str(file)], check=True)
    return file.read_bytes()


def opened(place: Place, home: Path, address: str, variables: Mapping[str, str]) -> Opened:
    command = [tool("gdalinfo", PACKAGE), f"/vsicurl/{address}"]
    done, sent = place.sent_by(command, home, **variables)
    written = done.stdout + done.stderr
    return Opened(works="Size is 8, 8" in done.stdout, sent=sent, written=written)


def names(done: Opened) -> set[str]:
    """Return the names of the objects that were asked for."""
    return {urlsplit(each.path).path.rpartition("/")[2] for each in done.sent}


@pytest.mark.parametrize(
    ("variables", "result"),
    [
        ({**BEARER, **ASK_US}, (True, False)),
        ({**PASSWORD, **ASK_US}, (True, False)),
        (BEARER, (False, False)),  # it sends its GET where HEAD was redirected to
        (PASSWORD, (True, True)),
    ],
)
def test_gdal_reads_with_the_settings_of_the_page(
    place: Place,
    image: bytes,
    tmp_path: Path,
    variables: Mapping[str, str],
    result: tuple[bool, bool],
) -> None:
    place.store.put(key := f"{new_folder()}image.tif", image)
    done = opened(place, tmp_path, place.address(key), variables)
    assert (done.works, done.leaked) == result, done.written


def test_gdal_reads_with_a_netrc(place: Place, image: bytes, netrc: Path) -> None:
    place.store.put(key := f"{new_folder()}image.tif", image)
    done = opened(place, netrc.parent, place.address(key), {})
    assert (done.works, done.leaked) == (True, False), done.written


@pytest.mark.parametrize("folder", ["", ODD])
def test_opening_an_image_looks_for_no_file_that_the_listing_lacks(
    place: Place, image: bytes, tmp_path: Path, folder: str
) -> None:
    """Otherwise GDAL asks for some forty names, each of which is a URL of the rate limit."""
    place.store.put(key := f"{new_folder()}{folder}image.tif", image)
    done = opened(place, tmp_path, place.address(key), {**BEARER, **ASK_US})
    assert done.works, done.written
    assert names(done) == {"image.tif"}
    assert len(done.sent) == 3


def test_without_the_listing_nothing_is_looked_for(
    place: Place, image: bytes, tmp_path: Path
) -> None:
    place.store.put(key := f"{new_folder()}image.tif", image)
    done = opened(place, tmp_path, place.address(key), {**BEARER, **ASK_US, **NO_LIST})
    assert done.works, done.written
    assert names(done) == {"image.tif"}


def test_a_file_beyond_the_first_page_is_found(place: Place, image: bytes, tmp_path: Path) -> None:
    """GDAL reads one page, and takes what a page of all names lacks for missing."""
    folder = new_folder()
    for name, body in (("a", b"-"), ("image.tif", image), ("image.tif.aux.xml", AUXILIARY)):
        place.store.put(folder + name, body)
    key = {"GDAL_HTTP_HEADERS": f"Authorization: Bearer {PAGED}"}
    done = opened(place, tmp_path, place.address(f"{folder}image.tif"), {**key, **ASK_US})
    assert "FOUND=yes" in done.written
