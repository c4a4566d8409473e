"""Builds what is released from a copy of this checkout."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from release.version import ROOT

EPOCH: Final = 1_700_000_000
RUNTIME: Final = Path(os.environ.get("TESTS_RUNTIME", ROOT / ".venv-runtime"))
BUILD: Final = "import sys, pathlib as p; from release.build import build; build(p.Path(sys.argv[1]), p.Path(sys.argv[2]), epoch=int(sys.argv[3]), runtime=p.Path(sys.argv[4]))"

_HTML: Final = re.compile(r'\b(?:href|src|srcset)="([^"]*)"')


def copied(folder: Path) -> Path:
    """Copy the files that are, or could be, committed. Each gets the time of its copy."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def built(source: Path, out: Path, *, umask: int = 0o022, **settings: str) -> Path:
    assert (RUNTIME / "report.json").exists(), f"{RUNTIME} is missing: `make release` makes it"
    subprocess.run(
        [sys.executable, "-c", BUILD, source, out, str(EPOCH), RUNTIME],
        cwd=ROOT,
        env={**os.environ, **settings},
        umask=umask,
        check=True,
    )
    return out


def shown_page(wheel: Path) -> str:
    """Return what an index shows: the text of the wheel's metadata."""
    [distribution] = re.findall(r"^\w+-[\d.]+(?=-)", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_bytes(archive.read(f"{distribution}.dist-info/METADATA"))
    page = metadata.get_payload(decode=True)
    assert isinstance(page, bytes)
    return page.decode()


def targets(markdown: str) -> Iterator[str]:
    """Yield where links and pictures lead, those in HTML too."""
    for block in MarkdownIt().enable("table").parse(markdown):
        for token in (block, *(block.children or ())):
            if token.type in {"html_block", "html_inline"}:
                yield from _HTML.findall(token.content)
            yield from (str(token.attrs[name]) for name in ("href", "src") if name in token.attrs)
