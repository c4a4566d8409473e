"""An office day at the console in Debian's Firefox."""

import zipfile
from pathlib import Path
from typing import Final

from tests.browser.console.firefox.stories import tell
from tests.browser.console.harness import Harness
from tests.browser.console.images import png
from tests.support.service import API_KEY

FOLDER: Final = "firefox"
PHOTO: Final = png(40, 30)


def test_an_office_day_is_done_in_firefox(harness: Harness, tmp_path: Path) -> None:
    for name in ("gone.txt", "kept.txt", "old.txt", "deep/d.txt"):
        harness.put(f"{FOLDER}/{name}", name.encode())
    files = {"note.txt": b"good day", "photo.png": PHOTO}
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    downloads = tell(
        "console_story",
        tmp_path,
        {harness.origin, harness.store_origin},
        url=harness.url,
        key=API_KEY,
        folder=FOLDER,
        files={"note": str(tmp_path / "note.txt"), "photo": str(tmp_path / "photo.png")},
    )
    uploaded = {**files, "note (2).txt": b"good day", "dropped.txt": b"dropped"}
    there = {name: name.encode() for name in ("kept.txt", "old.txt", "deep/d.txt")}
    with zipfile.ZipFile(downloads / f"{FOLDER}.zip") as saved:
        assert {each: saved.read(each) for each in saved.namelist()} == {**uploaded, **there}
    stored = {**uploaded, "kept.txt": b"kept.txt", "new.txt": b"old.txt"}
    assert {name: harness.read(f"{FOLDER}/{name}") for name in stored} == stored
    assert not harness.has(f"{FOLDER}/gone.txt")
    assert not harness.has(f"{FOLDER}/old.txt")
