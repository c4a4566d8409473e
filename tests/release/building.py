"""Builds what is released from a copy of this checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from release.version import ROOT

EPOCH: Final = 1_700_000_000
RUNTIME: Final = Path(os.environ.get("TESTS_RUNTIME", ROOT / ".venv-runtime"))
BUILD: Final = "import sys, pathlib as p; from release.build import build; build(p.Path(sys.argv[1]), p.Path(sys.argv[2]), epoch=int(sys.argv[3]), runtime=p.Path(sys.argv[4]))"


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
