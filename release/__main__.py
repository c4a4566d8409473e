"""`make release`: build the committed source into `dist/`.

    python -m release RUNTIME_ENVIRONMENT OUT [--complete]

What is not committed is an error, since nobody could build it again. `--complete` fails if an
image, the links of the packages' pages, or who maintains it, are left out.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Final

from release.build import SUMS, build, write_sums
from release.image import engine, images
from release.maintainer import maintainer
from release.readmes import repository
from release.version import ROOT

COMPLETE: Final = "--complete"


def git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def export(folder: Path) -> int:
    """Write the committed files into a folder. Returns the time of the commit."""
    if changed := git("status", "--porcelain").decode().splitlines():
        raise SystemExit(f"error: not committed: {', '.join(each[3:] for each in changed[:5])}")
    with tarfile.open(fileobj=BytesIO(git("archive", "HEAD"))) as archive:
        archive.extractall(folder, filter="data")
    return int(git("log", "-1", "--format=%ct"))


def main(runtime: str, out: str, *options: str) -> None:
    folder_out = Path(out).resolve()
    shutil.rmtree(folder_out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        epoch = export(source)
        build(source, folder_out, epoch=epoch, runtime=Path(runtime).resolve())
        left_out = [*without_links(source), *without_maintainer(source)]
        for reason in [*left_out, *add_images(source, folder_out, epoch)]:
            sys.stdout.write(f"LEFT OUT: {reason}\n")
            if COMPLETE in options:
                raise SystemExit(1)
    write_sums(folder_out)
    sys.stdout.write((folder_out / SUMS).read_text())


def without_links(source: Path) -> list[str]:
    """Return that the links of the packages' pages were left out, if they were."""
    text = "the packages' pages have no links: write `Repository` into [project.urls]"
    return [] if repository(source) else [text]


def without_maintainer(source: Path) -> list[str]:
    """Return that nobody is named who maintains it, if so."""
    missing = ", ".join(maintainer(source).missing)
    return [f"nobody maintains it: write {missing} into [tool.maintainer]"] if missing else []


def add_images(source: Path, out: Path, epoch: int) -> list[str]:
    """Return what was left out. $BASE is another base than the pinned one."""
    if reason := engine():
        return [f"no image was built: {reason}"]
    left = images(source, out, epoch=epoch, base=os.environ.get("BASE") or None)
    return [f"no image for {each}: the engine has no base that it can run" for each in left]


if __name__ == "__main__":
    main(*sys.argv[1:])
