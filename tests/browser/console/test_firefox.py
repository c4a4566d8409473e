"""The console and links in Debian's Firefox. Node tells the story: Playwright cannot drive this one."""

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any, Final

from tests.browser.axe import AXE
from tests.browser.console.harness import Harness
from tests.browser.console.images import png
from tests.browser.links.harness import LinksHarness, run_links
from tests.clients.toolchains import tool
from tests.end_to_end.examples import node
from tests.support.service import API_KEY
from tests.support.stores import Store

STORY: Final = Path(__file__).parent / "firefox" / "office_day.mjs"
SECONDS: Final = 450  # the story ends itself before
FOLDER: Final = "firefox"
PHOTO: Final = png(40, 1000)  # taller than a phone
FILES: Final = {"note.txt": b"good day", "photo.png": PHOTO}
MORE: Final = {"note (2).txt": b"good day", "dropped.txt": b"dropped"}
ASKS: Final = {"label": "Ann & Co", "message": "The notes, please"}


def test_an_office_day_and_a_visit_in_firefox(ministack: Store, tmp_path: Path) -> None:
    firefox = tool("firefox-esr", "firefox-esr")
    for name, body in FILES.items():
        (tmp_path / name).write_bytes(body)
    downloads = tmp_path / "downloads"
    for each in (downloads, tmp_path / "service"):
        each.mkdir()
    with run_links(ministack, tmp_path / "service", console=True) as links:
        harness = Harness(store=ministack, service=links.service, gate=links.gate)
        there = {name: name.encode() for name in ("kept.txt", "old.txt", "deep/d.txt")}
        for name, body in {**there, "gone.txt": b"gone"}.items():
            harness.put(f"{FOLDER}/{name}", body)
        harness.put("4711", b"report")
        seen = tell(tmp_path, firefox, harness, links)
        assert seen["logged"] == []
        assert set(seen["origins"]) == {harness.origin, harness.store_origin}
        with zipfile.ZipFile(downloads / f"{FOLDER}.zip") as saved:
            zipped = {each: saved.read(each) for each in saved.namelist()}
        assert zipped == {**there, **FILES, **MORE}
        stored = {**FILES, **MORE, "kept.txt": b"kept.txt", "new.txt": b"old.txt"}
        assert {name: harness.read(f"{FOLDER}/{name}") for name in stored} == stored
        assert not harness.has(f"{FOLDER}/gone.txt")
        assert not harness.has(f"{FOLDER}/old.txt")
        received = {name: body for name, (body, _) in links.received("visited/").items()}
        assert received == {"note.txt": FILES["note.txt"], **MORE}
        assert (downloads / "Q3 report.txt").read_bytes() == b"report"
        assert (downloads / "note.txt").read_bytes() == FILES["note.txt"]


def tell(directory: Path, firefox: str, harness: Harness, links: LinksHarness) -> Any:
    """Return what the pages logged, and where they loaded from."""
    told = {
        "firefox": firefox,
        "axe": str(AXE),
        "downloads": str(directory / "downloads"),
        "url": harness.url,
        "key": API_KEY,
        "folder": FOLDER,
        "files": {"note": str(directory / "note.txt"), "photo": str(directory / "photo.png")},
        "box": links.create(prefix="visited/", operations=["upload"], **ASKS),
        "landing": links.create(key="4711", filename="Q3 report.txt", message="As promised"),
    }
    done = subprocess.run(
        [node(), str(STORY)],
        input=json.dumps(told),
        env={"PATH": os.defpath, "HOME": str(directory), "TMPDIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
